/** What the page knows: conversations, their turns, and the quote that is open beside the text. */

import type { Stage } from "./client.js";
import type { ServiceError } from "./errors.js";
import type { AnswerRecord, Citation, SourceDocument } from "./record.js";

export type Verdict = "up" | "down";

/** What a reader said of an answer, and whether the server has it. */
export interface Feedback {
  verdict: Verdict | null;
  asking: boolean;
  sending: boolean;
  said: string;
}

/** One question with what came of it. */
export interface TurnState {
  /** Unique on this page, fit for an HTML id. */
  key: string;
  question: string;
  phase: "asking" | "whole" | "failed" | "stopped";
  stage: Stage | null;
  /** What has been streamed so far. */
  text: string;
  cited: Citation[];
  record: AnswerRecord | null;
  problem: ServiceError | null;
  /** Why a turn without an answer stopped, where that is known. */
  why: string;
  feedback: Feedback;
  copied: string;
}

/** A conversation; `id` is `null` until the server keeps it. */
export interface Talk {
  id: string | null;
  turns: TurnState[];
  running: AbortController | null;
  loading: boolean;
  problem: ServiceError | null;
}

/** A conversation as the list shows it. */
export interface TalkHead {
  id: string;
  title: string;
}

/** The quote open beside the text, and the others of the same answer, in their order. */
export interface OpenQuote {
  turn: TurnState;
  citation: Citation;
  among: Citation[];
  document: SourceDocument | null;
  /** Whether all of a long document is shown. */
  all: boolean;
  problem: string | null;
}

let made = 0;

/** Return a turn that has not been asked yet. */
export function newTurn(question: string): TurnState {
  made += 1;
  return {
    key: `turn-${made}`,
    question,
    phase: "asking",
    stage: null,
    text: "",
    cited: [],
    record: null,
    problem: null,
    why: "",
    feedback: { verdict: null, asking: false, sending: false, said: "" },
    copied: "",
  };
}

/** Return a turn that was answered before. */
export function pastTurn(record: AnswerRecord, verdict: Verdict | null): TurnState {
  const turn = newTurn(record.question);
  turn.phase = "whole";
  turn.record = record;
  turn.feedback.verdict = verdict;
  return turn;
}

/** Return an empty conversation. */
export function newTalk(id: string | null = null): Talk {
  return { id, turns: [], running: null, loading: false, problem: null };
}
