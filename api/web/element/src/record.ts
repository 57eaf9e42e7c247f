/** The records that the service sends, as far as this page reads them. */

export interface Span {
  start: number;
  end: number;
}

export interface Citation {
  id: string;
  number: number | null;
  cited_text: string;
  start_char_index: number;
  end_char_index: number;
  document_id: string;
  document_title: string;
  document_sha256: string;
  publisher: string | null;
  published_at: string | null;
  url: string | null;
  viewer_url: string;
  answer_spans: Span[];
  /** Its words are not shown any more: the source was withdrawn, or has changed. */
  withdrawn?: boolean;
  /** What became of the source since it was quoted. */
  note?: string;
  /** Copies of the story, which count as one source with this one. */
  also_published_by?: { document_title: string; publisher: string | null }[];
}

export interface Abstention {
  reason: "no_passages" | "not_supported" | "below_threshold";
  probability: number;
  closest: Citation[];
  explanation: string | null;
}

export interface Disagreement {
  about: string;
  sides: { value: string; citations: number[] }[];
}

export interface AnswerRecord {
  id: string;
  /** The conversation that keeps it, if one does. */
  conversation_id?: string | null;
  status: "answered" | "partial" | "abstained";
  question: string;
  standalone_question: string;
  answer: string;
  answer_without_citations: string;
  short_answer: string | null;
  confidence: number | null;
  abstention: Abstention | null;
  citations: Citation[];
  missing: string[];
  disagreements: Disagreement[];
  withheld: { not_found: number; misattributed: number; unsupported: number };
  receipt: {
    index_version: string;
    models: Record<string, string | null>;
    software: string;
  };
  timings_ms: Record<string, number>;
}

export interface SourceDocument {
  document_id: string;
  title: string;
  publisher: string | null;
  published_at: string | null;
  language: string | null;
  url: string | null;
  viewer_url: string;
  document_sha256: string;
  text: string;
  excluded: { start_char_index: number; end_char_index: number; reason: string }[];
}

const STATUSES: readonly unknown[] = ["answered", "partial", "abstained"];

/** Return `value` if it is an answer's record, else throw: a half record is never shown as an answer. */
export function answerRecord(value: unknown): AnswerRecord {
  const record = value as Partial<AnswerRecord> | null;
  if (
    typeof record !== "object" ||
    record === null ||
    typeof record.id !== "string" ||
    typeof record.question !== "string" ||
    typeof record.answer !== "string" ||
    !STATUSES.includes(record.status) ||
    !Array.isArray(record.citations) ||
    (record.status === "abstained") !== (typeof record.abstention === "object" && record.abstention !== null)
  ) {
    throw new TypeError("The server sent an answer that is not whole.");
  }
  return record as AnswerRecord;
}
