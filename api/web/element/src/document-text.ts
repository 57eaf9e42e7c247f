/** Cuts a document's text into paragraphs with the quote and the left-out parts marked. */

import { unitsOf } from "./code-points.js";
import type { Citation, SourceDocument } from "./record.js";

export interface Stretch {
  text: string;
  quoted: boolean;
  /** Why this is left out of answers; empty where it is not. */
  reason: string;
}

export interface Shown {
  /** The lines that are not blank, character for character. */
  paragraphs: Stretch[][];
  /** Whether the document goes on before and after what is shown. */
  cutBefore: boolean;
  cutAfter: boolean;
  /** Whether the document still has the quoted words at these offsets. */
  verified: boolean;
}

/** More than this on each side of the quote would make the panel slow. */
const AROUND = 40_000;

/**
 * Return what of `source` is shown beside the text, `citation` marked where its words really stand;
 * of a long document what is around it, or with `all` everything.
 */
export function shownOf(source: SourceDocument, citation: Citation, all: boolean): Shown {
  const { text } = source;
  const [from, to, verified] = quoteIn(text, citation);
  const cutBefore = !all && verified && from > AROUND;
  const cutAfter = !all && text.length - to > AROUND * 2;
  const start = cutBefore ? lineStart(text, from - AROUND) : 0;
  const end = cutAfter ? lineEnd(text, Math.max(to, start) + AROUND) : text.length;
  const excluded = excludedUnits(source);
  const paragraphs: Stretch[][] = [];
  for (const [lineFrom, lineTo] of lines(text, start, end)) {
    const cuts = new Set([lineFrom, lineTo]);
    for (const cut of [from, to, ...excluded.flatMap((part) => [part.start, part.end])]) {
      if (cut > lineFrom && cut < lineTo) {
        cuts.add(cut);
      }
    }
    const points = [...cuts].sort((a, b) => a - b);
    paragraphs.push(
      points.slice(0, -1).map((point, index) => {
        const next = points[index + 1] as number;
        return {
          text: text.slice(point, next),
          quoted: verified && from <= point && next <= to,
          reason: excluded.find((part) => part.start <= point && next <= part.end)?.reason ?? "",
        };
      }),
    );
  }
  return { paragraphs, cutBefore, cutAfter, verified };
}

function quoteIn(text: string, citation: Citation): [number, number, boolean] {
  try {
    const [from, to] = unitsOf(text, [citation.start_char_index, citation.end_char_index]) as [number, number];
    return [from, to, text.slice(from, to) === citation.cited_text];
  } catch (error) {
    if (!(error instanceof RangeError)) {
      throw error;
    }
    return [0, 0, false]; // the document has become shorter than the quote's offsets
  }
}

function excludedUnits(source: SourceDocument): { start: number; end: number; reason: string }[] {
  const points = [
    ...new Set(source.excluded.flatMap((part) => [part.start_char_index, part.end_char_index])),
  ].sort((a, b) => a - b);
  const units = unitsOf(source.text, points);
  const at = new Map(points.map((point, index) => [point, units[index] as number]));
  return source.excluded.map((part) => ({
    start: at.get(part.start_char_index) as number,
    end: at.get(part.end_char_index) as number,
    reason: part.reason.replaceAll("_", " "),
  }));
}

function* lines(text: string, start: number, end: number): Generator<[number, number]> {
  let position = start;
  while (position < end) {
    const found = text.indexOf("\n", position);
    const stop = found === -1 || found > end ? end : found;
    if (text.slice(position, stop).trim() !== "") {
      yield [position, stop];
    }
    position = stop + 1;
  }
}

/** Cut at a line, or at least not through a surrogate pair. */
function lineStart(text: string, position: number): number {
  const found = text.lastIndexOf("\n", position);
  return found > position - AROUND / 2 ? found + 1 : pairStart(text, position);
}

function lineEnd(text: string, position: number): number {
  const found = text.indexOf("\n", position);
  return found !== -1 && found < position + AROUND / 2 ? found : pairStart(text, position);
}

function pairStart(text: string, position: number): number {
  const code = text.charCodeAt(position);
  return code >= 0xdc00 && code <= 0xdfff ? position - 1 : position;
}
