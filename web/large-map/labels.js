// What is written beside the seats: the names of rows at both ends, and those of sections above them.

import { PITCH } from "../layout.js";
import { money, title } from "../words.js";

/** Sizes in units of the paper, as in the small map; names of sections never get too small to be read. */
const ROW_SIZE = 9.5;
const SECTION_SIZE = 13;
const SMALLEST = 12;
/** Names of rows are left out when they would be smaller than this. */
const SMALLEST_ROW = 7;

/** Where the names of a row are: `[[x, y], [x, y]]`, a bit beyond its first and its last seat. */
function endsOf({ x, y, rowStart }, row) {
  const [first, last] = [rowStart[row], rowStart[row + 1] - 1];
  const length = Math.hypot(x[last] - x[first], y[last] - y[first]) || 1;
  const beyond = (PITCH * 0.95) / length;
  const [dx, dy] = first === last ? [PITCH * 0.95, 0] : [(x[last] - x[first]) * beyond, (y[last] - y[first]) * beyond];
  return [[x[first] - dx, y[first] - dy], [x[last] + dx, y[last] + dy]];
}

/** Writes the names of rows that are in `area`. The context's unit is the paper's; `scale` is CSS pixels for one of them. */
export function writeRows(context, seats, sections, area, theme, scale) {
  if (ROW_SIZE * scale < SMALLEST_ROW) return;
  context.font = theme.font(ROW_SIZE, 600);
  context.fillStyle = theme.colour("soft");
  for (const { firstRow, lastRow } of sections) {
    for (let row = firstRow; row <= lastRow; row += 1) {
      for (const [x, y] of endsOf(seats, row)) {
        const near = x > area.left - PITCH && x < area.right + PITCH && y > area.top - PITCH && y < area.bottom + PITCH;
        if (near) context.fillText(seats.rowName(row), x, y);
      }
    }
  }
}

/** How far from its section a name may reach, in CSS pixels: it is written over what is there. */
export const NAME_REACH = 140;

/** Writes the names and prices of sections. */
export function writeSections(context, seats, sections, theme, scale) {
  const size = Math.max(SECTION_SIZE, SMALLEST / scale);
  context.font = theme.font(size, 650);
  context.lineWidth = size / 3;
  context.lineJoin = "round";
  context.strokeStyle = theme.colour("card");
  for (const { name, box, least, tone } of sections) {
    const [x, y] = [(box.left + box.right) / 2, box.top - PITCH * 0.6 - size / 2];
    const text = `${name}  ${money(least, seats.currency)}`;
    context.strokeText(text, x, y);
    context.fillStyle = theme.colour(`tone-${tone}`);
    context.fillText(text, x, y);
  }
}

/** The stage ends above this. */
export const STAGE_END = 80;

/** The stage, as the small map has it. */
export function drawStage(context, half, theme, text) {
  if (half === 0) return;
  context.beginPath();
  context.moveTo(-half, 14);
  context.lineTo(half, 14);
  context.lineTo(half * 0.94, 44);
  context.quadraticCurveTo(0, 76, -half * 0.94, 44);
  context.closePath();
  context.fillStyle = theme.colour("boards-near");
  context.fill();
  context.strokeStyle = theme.colour("boards-far");
  context.lineWidth = 1.5;
  context.stroke();
  context.fillStyle = theme.colour("on-boards");
  context.font = theme.font(12, 700);
  context.fillText(text, 0, 37);
}

/** What a plan has besides seats, as the small map has it. */
export function drawShapes(context, shapes, theme) {
  for (const { shape, x, y, scale, width = 0, height = 0, rotation = 0, points = [], text, area } of shapes) {
    context.save();
    context.translate(x, y);
    context.rotate((rotation * Math.PI) / 180);
    const [w, h] = [width * scale, height * scale];
    context.beginPath();
    if (shape === "rectangle") context.roundRect(-w / 2, -h / 2, w, h, Math.min(w, h) / 12);
    else if (shape === "polygon") points.forEach(([px, py], index) => context[index === 0 ? "moveTo" : "lineTo"](px * scale, py * scale));
    else if (shape !== "text") context.ellipse(0, 0, w / 2, h / 2, 0, 0, 2 * Math.PI);
    context.closePath();
    context.fillStyle = theme.colour("sunk");
    context.fill();
    context.strokeStyle = theme.colour("line");
    context.lineWidth = 1.5;
    context.stroke();
    context.fillStyle = theme.colour("soft");
    context.font = theme.font(12, 650);
    context.fillText(text ?? (area ? title(area) : ""), 0, 0);
    context.restore();
  }
}
