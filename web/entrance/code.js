// Reads the code of a ticket, and checks its signature: as the server does it (docs/API.md, "Tickets").

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const SIGNATURE = 64;
const FORM = 1;

/**
 * @typedef {{ show: string, booking: string, seat: string, issue: number, transfers: number, exchange: number }} Facts
 * @typedef {{ facts: Facts, signed: Uint8Array<ArrayBuffer>, signature: Uint8Array<ArrayBuffer> }} Code
 */

/**
 * What a code says, or undefined if the text is none. Whether it is true, only the signature says.
 * @returns {Code | undefined}
 */
export function read(text) {
  const bytes = decode(text.replaceAll(/\s/g, "").toUpperCase());
  if (!bytes || bytes.length <= SIGNATURE) return undefined;
  const [signed, signature] = [bytes.slice(0, -SIGNATURE), bytes.slice(-SIGNATURE)];
  const facts = factsOf(signed);
  return facts && { facts, signed, signature };
}

/**
 * A function that says whether a code is signed with this key, or undefined if this browser can't check that.
 * @returns {Promise<((code: Code) => Promise<boolean>) | undefined>}
 */
export async function verifier(jwk) {
  const { kty, crv, x } = jwk;
  try {
    const key = await crypto.subtle.importKey("jwk", { kty, crv, x }, "Ed25519", false, ["verify"]);
    return (code) => crypto.subtle.verify("Ed25519", key, code.signature, code.signed);
  } catch {
    return undefined;
  }
}

function decode(letters) {
  let [bits, value] = [0, 0];
  const bytes = [];
  for (const letter of letters) {
    const five = LETTERS.indexOf(letter);
    if (five < 0) return undefined;
    value = ((value << 5) | five) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((value >> bits) & 0xff);
    }
  }
  // What is left over is empty, and less than a letter: else another text would be the same code.
  return bits < 5 && (value & ((1 << bits) - 1)) === 0 ? new Uint8Array(bytes) : undefined;
}

function factsOf(bytes) {
  let at = 17;
  if (bytes.length < 21 || bytes[0] !== FORM) return undefined;
  const hex = [...bytes.slice(1, 17)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const number = () => {
    for (let [value, factor, length] = [0, 1, 1]; length <= 5; length += 1, factor *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) return undefined;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return length > 1 && byte === 0 ? undefined : value;
    }
    return undefined;
  };
  const [issue, transfers, exchange] = [number(), number(), number()];
  const length = bytes[at++];
  if ([issue, transfers, exchange, length].includes(undefined) || at + length > bytes.length) return undefined;
  const text = (part) => new TextDecoder().decode(part);
  return {
    booking: `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`,
    issue,
    transfers,
    exchange,
    show: text(bytes.slice(at, at + length)),
    seat: text(bytes.slice(at + length)),
  };
}
