// Reads codes: by the camera, from a picture, from a scanner that types, by hand.

import { h } from "../dom.js";

const LOOK_MS = 150;
/** The same code in view is one scan. */
const SAME_MS = 4_000;
/** Widest picture that is looked through, in pixels. */
const WIDEST = 800;

/** Whether this browser gives pages a camera. */
export const hasCamera = () => Boolean(navigator.mediaDevices?.getUserMedia);

export class Camera {
  #video = h("video", { playsinline: true, muted: true, class: "camera" });
  #onread;
  #stream;
  #look;
  #last = { text: "", at: 0 };
  #timer = 0;
  #on = false;

  /** @param {(text: string) => void} onread */
  constructor(onread) {
    this.#onread = onread;
  }

  get element() {
    return this.#video;
  }

  /** Rejects if there is no camera, or none may be used. */
  async start() {
    this.#stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    this.#video.srcObject = this.#stream;
    await this.#video.play();
    this.#look = await reader();
    this.#on = true;
    this.#next();
  }

  stop() {
    this.#on = false;
    clearTimeout(this.#timer);
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#video.srcObject = null;
  }

  async #next() {
    const text = await this.#look(this.#video, this.#video.videoWidth, this.#video.videoHeight).catch(() => undefined);
    if (!this.#on) return;
    if (text && (text !== this.#last.text || performance.now() - this.#last.at > SAME_MS)) this.#onread(text);
    if (text) this.#last = { text, at: performance.now() };
    this.#timer = setTimeout(() => this.#next(), LOOK_MS);
  }
}

/** The code in a picture that was taken, if there is one. */
export async function readPicture(file) {
  const picture = await createImageBitmap(file);
  return (await reader())(picture, picture.width, picture.height);
}

/** The browser's own reader of codes, or one that is loaded only where there is none. */
async function reader() {
  const { BarcodeDetector } = /** @type {any} */ (window);
  if (BarcodeDetector && (await BarcodeDetector.getSupportedFormats()).includes("qr_code")) {
    const detector = new BarcodeDetector({ formats: ["qr_code"] });
    return async (source) => (await detector.detect(source))[0]?.rawValue;
  }
  const { default: decode } = await import("./vendor/qr-decode.js");
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  return async (source, width, height) => {
    if (!width) return undefined;
    const scale = Math.min(1, WIDEST / Math.max(width, height));
    [canvas.width, canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
    context.drawImage(source, 0, 0, canvas.width, canvas.height);
    try {
      return decode(context.getImageData(0, 0, canvas.width, canvas.height));
    } catch {
      // Nothing to read in this picture.
      return undefined;
    }
  };
}
