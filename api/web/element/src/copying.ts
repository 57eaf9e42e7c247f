/** An answer with its citations, as plain text and as Markdown. */

import { viewerAddress } from "./links.js";
import type { AnswerRecord } from "./record.js";

/** Everything that Markdown, also with HTML and tables, could read as a sign. */
const SIGNS = /[\\`*_{}[\]<>()#+\-!|~&$:@=]/g;
const LINE_STARTS = /^(\s*\d+)([.)])/gm;

/** Return the answer as text: its markers as they stand, then each quote with its source. */
export function asText(record: AnswerRecord, base: string): string {
  const sources = record.citations.map(
    (citation) =>
      `[${citation.number}] “${citation.cited_text}”\n    ${[...sourceWords(citation), viewerAddress(citation.viewer_url, base) ?? ""].filter(Boolean).join(", ")}`,
  );
  return [record.answer, ...(sources.length > 0 ? ["Sources", ...sources] : [])].join("\n\n") + "\n";
}

/** Return the answer as Markdown: markers lead to the quotes, below them each quote as a block. */
export function asMarkdown(record: AnswerRecord, base: string): string {
  const addresses = new Map(
    record.citations.map((citation) => [citation.number, viewerAddress(citation.viewer_url, base)]),
  );
  const answer = record.answer
    .split(/(\[\d{1,4}\])/)
    .map((part) => {
      const number = /^\[(\d{1,4})\]$/.exec(part)?.[1];
      const address = number === undefined ? undefined : addresses.get(Number(number));
      return address ? `[\\[${number}\\]](${linkTarget(address)})` : escaped(part);
    })
    .join("");
  const sources = record.citations.map((citation) => {
    const address = addresses.get(citation.number);
    const [title, ...rest] = sourceWords(citation).map(escaped);
    const source = [address ? `[${title}](${linkTarget(address)})` : title, ...rest].join(", ");
    const quote = escaped(citation.cited_text).split("\n").map((line) => `> ${line}`);
    return [`**\\[${citation.number}\\]** ${source}`, "", ...quote].join("\n");
  });
  return [answer, ...(sources.length > 0 ? ["**Sources**", ...sources] : [])].join("\n\n") + "\n";
}

/** Return title, publisher and date of a citation, those that are known. */
export function sourceWords(citation: {
  document_title: string;
  document_id: string;
  publisher: string | null;
  published_at: string | null;
}): string[] {
  const title = citation.document_title.trim() || citation.document_id;
  return [title, citation.publisher ?? "", dayOf(citation.published_at)].filter((word) => word !== "");
}

const MONTHS =
  "January February March April May June July August September October November December".split(" ");

/** Return an ISO 8601 date as the document pages write it, anything else as it stands. */
export function dayOf(date: string | null): string {
  const match = date === null ? null : /^(\d{4})-(\d{2})-(\d{2})(?:$|T)/.exec(date);
  const month = match === null ? undefined : MONTHS[Number(match[2]) - 1];
  return match === null || month === undefined ? (date ?? "") : `${Number(match[3])} ${month} ${match[1]}`;
}

function escaped(text: string): string {
  return text.replace(SIGNS, "\\$&").replace(LINE_STARTS, "$1\\$2");
}

function linkTarget(address: string): string {
  return address.replace(/[()<>\s]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}
