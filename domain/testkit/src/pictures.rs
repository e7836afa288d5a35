//! Pictures as files: a PNG that every browser shows, and JPEG and WebP as far as the rules read them.

/// Pixels in all colours, a different picture for each `seed`. Not compressed: each takes three bytes.
#[must_use]
pub fn png(width: u32, height: u32, seed: u32) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    let mut dice = (seed << 1) | 1;
    let mut pixels = Vec::with_capacity((width as usize * 3 + 1) * height as usize);
    for _ in 0..height {
        let line = (0..width * 3).map(|_| {
            dice ^= dice << 13;
            dice ^= dice >> 17;
            dice ^= dice << 5;
            dice as u8
        });
        // No filter, then the line.
        pixels.extend([0].into_iter().chain(line));
    }
    let mut stored = vec![0x78, 0x01];
    let mut blocks = pixels.chunks(0xFFFF).peekable();
    while let Some(block) = blocks.next() {
        let length = block.len() as u16;
        stored.push(u8::from(blocks.peek().is_none()));
        stored.extend_from_slice(&length.to_le_bytes());
        stored.extend_from_slice(&(!length).to_le_bytes());
        stored.extend_from_slice(block);
    }
    stored.extend_from_slice(&adler32(&pixels).to_be_bytes());
    [b"\x89PNG\r\n\x1a\n".as_slice(), &png_chunk(b"IHDR", &header), &png_chunk(b"IDAT", &stored), &png_chunk(b"IEND", &[])]
        .concat()
}

/// A chunk of a PNG.
#[must_use]
pub fn png_chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let body = [kind, data].concat();
    [&(data.len() as u32).to_be_bytes()[..], &body, &crc32(&body).to_be_bytes()].concat()
}

/// A JPEG with these segments after its beginning. Its scan shows nothing.
#[must_use]
pub fn jpeg(width: u16, height: u16, segments: &[Vec<u8>]) -> Vec<u8> {
    let frame = [&[8][..], &height.to_be_bytes(), &width.to_be_bytes(), &[1, 1, 0x11, 0]].concat();
    let start = [vec![0xFF, 0xD8], segments.concat()].concat();
    let scan = [jpeg_segment(0xDA, &[1, 1, 0, 0, 63, 0]), vec![0x12, 0xFF, 0x00, 0x34, 0xFF, 0xD3, 0x56]].concat();
    [start, jpeg_segment(0xC0, &frame), scan.clone(), jpeg_segment(0xC4, &[0; 17]), scan, vec![0xFF, 0xD9]].concat()
}

/// A segment of a JPEG.
#[must_use]
pub fn jpeg_segment(marker: u8, payload: &[u8]) -> Vec<u8> {
    [&[0xFF, marker][..], &(payload.len() as u16 + 2).to_be_bytes(), payload].concat()
}

/// Exif's segment of a JPEG, which says where the picture was taken.
#[must_use]
pub fn exif(side: u8, place: &str) -> Vec<u8> {
    // Little endian, with a tag before the one that says which side is up.
    let directory = [
        &[2, 0][..],
        &[0x0F, 0x01, 2, 0, 4, 0, 0, 0, b'C', b'a', b'm', 0],
        &[0x12, 0x01, 3, 0, 1, 0, 0, 0, side, 0, 0, 0],
        &[0; 4],
    ]
    .concat();
    jpeg_segment(0xE1, &[b"Exif\0\0II*\0\x08\0\0\0", &directory[..], place.as_bytes()].concat())
}

/// A WebP of these chunks.
#[must_use]
pub fn webp(chunks: &[Vec<u8>]) -> Vec<u8> {
    let chunks = chunks.concat();
    [b"RIFF".as_slice(), &(chunks.len() as u32 + 4).to_le_bytes(), b"WEBP", &chunks].concat()
}

/// A chunk of a WebP.
#[must_use]
pub fn webp_chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut chunk = [kind, &(data.len() as u32).to_le_bytes()[..], data].concat();
    chunk.resize(chunk.len() + data.len() % 2, 0);
    chunk
}

/// The chunk of a WebP that has its pixels, without loss. It shows nothing.
#[must_use]
pub fn webp_pixels(width: u32, height: u32) -> Vec<u8> {
    let bits = (width - 1) | ((height - 1) << 14);
    webp_chunk(b"VP8L", &[&[0x2F][..], &bits.to_le_bytes(), &[0; 4]].concat())
}

fn adler32(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    (b << 16) | a
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}
