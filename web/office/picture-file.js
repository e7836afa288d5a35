// Makes a file that somebody has chosen small enough to be a show's picture. What is drawn again here has nothing in it but its
// pixels; of a file that is sent as it is, the server leaves out the rest.

/** How files of the types that the server takes begin. What a file's name says of it is often wrong. */
const BEGINNINGS = { "image/jpeg": /^\xFF\xD8\xFF/, "image/png": /^\x89PNG\r\n\x1A\n/, "image/webp": /^RIFF[^]{4}WEBP/ };
/** In the extended header of a WebP. The server refuses an animation. */
const IS_ANIMATED = 0x02;
/** The server takes no more. */
const MOST_BYTES = 200_000;
/** More pixels than a page shows. */
const MOST_SIDE = 1_600;
const SIDES = [1, 0.8, 0.6, 0.45, 0.3, 0.2];
const QUALITIES = [0.85, 0.7, 0.55];

/** What the browser can't draw. */
export class NoPicture extends Error {}

/**
 * The file as it is to be sent, and as it will look: of an animation, its first image. Throws `NoPicture`.
 *
 * @param {Blob} file
 * @returns {Promise<{ blob: Blob, canvas: HTMLCanvasElement, isAnimated: boolean }>} `isAnimated`: it may be
 */
export async function prepared(file) {
  let bitmap;
  try {
    // Upright, as the camera says.
    bitmap = await createImageBitmap(file);
  } catch {
    throw new NoPicture();
  }
  try {
    const side = Math.max(bitmap.width, bitmap.height);
    const beginning = await beginningOf(file);
    const type = Object.keys(BEGINNINGS).find((name) => BEGINNINGS[name].test(beginning));
    const isWebp = type === "image/webp" && beginning.slice(12, 16) === "VP8X" && (beginning.charCodeAt(20) & IS_ANIMATED) !== 0;
    // Of a GIF only its end shows whether it has one image.
    const isAnimated = isWebp || beginning.startsWith("GIF8");
    if (type && !isAnimated && file.size <= MOST_BYTES && side <= MOST_SIDE) return { blob: file.slice(0, file.size, type), canvas: drawn(bitmap, 1), isAnimated };
    const largest = Math.min(1, MOST_SIDE / side);
    for (const part of SIDES) {
      const canvas = drawn(bitmap, largest * part);
      for (const quality of QUALITIES) {
        const blob = await encoded(canvas, quality);
        if (blob && blob.size <= MOST_BYTES) return { blob, canvas, isAnimated };
      }
    }
    throw new NoPicture();
  } finally {
    bitmap.close();
  }
}

/** The first bytes, one a character: as far as they say what a file is. */
async function beginningOf(file) {
  return String.fromCharCode(...new Uint8Array(await file.slice(0, 21).arrayBuffer()));
}

function drawn(bitmap, scale) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
  const context = canvas.getContext("2d");
  if (!context) throw new NoPicture();
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** As WebP, or as JPEG where the browser can't write that: it then makes a PNG, which would be too large. */
async function encoded(canvas, quality) {
  const as = (type, from = canvas) => new Promise((resolve) => from.toBlob(resolve, type, quality));
  const webp = await as("image/webp");
  if (webp?.type === "image/webp") return webp;
  // A JPEG is never transparent, and would be black there.
  const paper = document.createElement("canvas");
  [paper.width, paper.height] = [canvas.width, canvas.height];
  const context = paper.getContext("2d");
  if (!context) return undefined;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, paper.width, paper.height);
  context.drawImage(canvas, 0, 0);
  return as("image/jpeg", paper);
}
