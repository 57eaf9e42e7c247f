/** An answer with its citations, as plain text and as Markdown. */

import type { AnswerRecord, Citation } from "./record.js";
import type { Say } from "./texts.js";

/** Where a citation's document page is linked to, if anywhere. */
export type Address = (citation: Citation) => string | null;

/** Everything that Markdown, also with HTML and tables, could read as a sign. */
const SIGNS = /[\\`*_{}[\]<>()#+\-!|~&$:@=]/g;
const LINE_STARTS = /^(\s*\d+)([.)])/gm;

/** Return the answer as text: its markers as they stand, then each quote with its source. */
export function asText(record: AnswerRecord, say: Say, address: Address): string {
  const sources = record.citations.map(
    (citation) =>
      `[${citation.number}] ${citation.withdrawn ? "" : `“${citation.cited_text}”\n    `}${[...sourceWords(citation, say), address(citation) ?? ""].filter(Boolean).join(", ")}`,
  );
  return [record.answer, ...(sources.length > 0 ? [say.text("sources"), ...sources] : [])].join("\n\n") + "\n";
}

/** Return the answer as Markdown: markers lead to the quotes, below them each quote as a block. */
export function asMarkdown(record: AnswerRecord, say: Say, address: Address): string {
  const addresses = new Map(record.citations.map((citation) => [citation.number, address(citation)]));
  const answer = record.answer
    .split(/(\[\d{1,4}\])/)
    .map((part) => {
      const number = /^\[(\d{1,4})\]$/.exec(part)?.[1];
      const target = number === undefined ? undefined : addresses.get(Number(number));
      return target ? `[\\[${number}\\]](${linkTarget(target)})` : escaped(part);
    })
    .join("");
  const sources = record.citations.map((citation) => {
    const target = addresses.get(citation.number);
    const [title, ...rest] = sourceWords(citation, say).map(escaped);
    const source = [target ? `[${title}](${linkTarget(target)})` : title, ...rest].join(", ");
    const quote = citation.withdrawn ? [] : escaped(citation.cited_text).split("\n").map((line) => `> ${line}`);
    return [`**\\[${citation.number}\\]** ${source}`, "", ...quote].join("\n");
  });
  return [answer, ...(sources.length > 0 ? [`**${escaped(say.text("sources"))}**`, ...sources] : [])].join("\n\n") + "\n";
}

/** Return title, publisher and date of a citation, those that are known, who else published it, and what became of it. */
export function sourceWords(citation: Citation, say: Say): string[] {
  const list = citation.also_published_by?.map((copy) => copy.publisher ?? copy.document_title).join(", ");
  return [
    citation.document_title.trim() || citation.document_id,
    citation.publisher,
    say.day(citation.published_at),
    list && say.text("also", { list }),
    citation.note,
  ].filter(Boolean) as string[];
}

function escaped(text: string): string {
  return text.replace(SIGNS, "\\$&").replace(LINE_STARTS, "$1\\$2");
}

function linkTarget(address: string): string {
  return address.replace(/[()<>\s]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}
