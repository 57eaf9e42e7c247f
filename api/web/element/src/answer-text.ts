/** Cuts an answer into paragraphs, and those into words, markers and the parts a quote supports. */

import { unitsOf } from "./code-points.js";
import type { Span } from "./record.js";

export type Piece =
  | { kind: "text"; text: string; supported: boolean }
  | { kind: "marker"; text: string; number: number };

const MARKER = /\[(\d{1,4})\]/g;
const PARAGRAPHS = /\n\s*\n/;

/**
 * Return the paragraphs of `answer`.
 *
 * A `[n]` is a marker where `numbers` has it, else it is text. `supported` are the spans, in code points
 * of `answer`, that the open quote supports.
 */
export function paragraphsOf(
  answer: string,
  numbers: ReadonlySet<number>,
  supported: readonly Span[],
): Piece[][] {
  const spans = spansInUnits(answer, supported);
  const paragraphs: Piece[][] = [];
  let offset = 0;
  for (const paragraph of answer.split(PARAGRAPHS)) {
    offset = answer.indexOf(paragraph, offset);
    if (paragraph.trim() !== "") {
      paragraphs.push(piecesOf(paragraph, offset, numbers, spans));
    }
    offset += paragraph.length;
  }
  return paragraphs;
}

function piecesOf(
  paragraph: string,
  offset: number,
  numbers: ReadonlySet<number>,
  spans: readonly Span[],
): Piece[] {
  const pieces: Piece[] = [];
  let position = 0;
  for (const match of paragraph.matchAll(MARKER)) {
    const number = Number(match[1]);
    if (!numbers.has(number)) {
      continue;
    }
    pushText(pieces, paragraph, position, match.index, offset, spans);
    pieces.push({ kind: "marker", text: match[0], number });
    position = match.index + match[0].length;
  }
  pushText(pieces, paragraph, position, paragraph.length, offset, spans);
  return pieces;
}

function pushText(
  pieces: Piece[],
  paragraph: string,
  start: number,
  end: number,
  offset: number,
  spans: readonly Span[],
): void {
  const cuts = new Set([start, end]);
  for (const span of spans) {
    for (const cut of [span.start - offset, span.end - offset]) {
      if (cut > start && cut < end) {
        cuts.add(cut);
      }
    }
  }
  const points = [...cuts].sort((a, b) => a - b);
  for (let index = 0; index + 1 < points.length; index += 1) {
    const from = points[index] as number;
    const to = points[index + 1] as number;
    const inside = spans.some((span) => span.start - offset <= from && to <= span.end - offset);
    pieces.push({ kind: "text", text: paragraph.slice(from, to), supported: inside });
  }
}

function spansInUnits(answer: string, spans: readonly Span[]): Span[] {
  const points = [...new Set(spans.flatMap((span) => [span.start, span.end]))].sort((a, b) => a - b);
  const units = unitsOf(answer, points);
  const at = new Map(points.map((point, index) => [point, units[index] as number]));
  return spans.map((span) => ({ start: at.get(span.start) as number, end: at.get(span.end) as number }));
}
