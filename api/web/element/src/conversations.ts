/** What the service keeps: conversations and feedback. */

import type { Client, Turn } from "./client.js";
import { ServiceError } from "./errors.js";
import { answerRecord, type AnswerRecord } from "./record.js";
import type { Say } from "./texts.js";
import { newTurn, pastTurn, type Talk, type TalkHead, type TurnState, type Verdict } from "./state.js";

interface StoredTurn {
  question: string;
  status: "started" | "complete" | "interrupted";
  interrupted_by: string | null;
  answer: unknown;
  feedback: { rating: Verdict } | null;
}

/** What a reader says of an answer; empty texts say nothing. */
export interface Opinion {
  rating: Verdict;
  reason: string;
  comment: string;
  citationNumber: number | null;
}

/** What an ask says of the conversation it belongs to. */
export type Belonging = { history: Turn[] } | { store: true } | { conversation_id: string };

/** The routes of conversations and feedback; a service may have none. */
export class Conversations {
  private kept: boolean | null = null;

  /** Conversations that are not `listed` are not kept either: nobody would find them again. */
  constructor(
    private readonly client: Client,
    private readonly listed: () => boolean,
  ) {}

  /** Return a page of the list, newest first, or `null` where the service keeps no conversations. */
  async heads(cursor: string | null): Promise<{ heads: TalkHead[]; next: string | null } | null> {
    if (!this.listed()) {
      return null;
    }
    try {
      const query = cursor === null ? "" : `?cursor=${encodeURIComponent(cursor)}`;
      const found = (await this.client.json("GET", `/v1/conversations${query}`)) as {
        conversations: TalkHead[];
        next_cursor: string | null;
      };
      this.kept = true;
      return { heads: found.conversations, next: found.next_cursor };
    } catch (error) {
      if (error instanceof ServiceError && error.status === 404) {
        this.kept = false;
        return null;
      }
      throw error;
    }
  }

  /** Return what an ask says of `talk`; where the service keeps none, what was said goes with it. */
  async belonging(talk: Talk, history: Turn[]): Promise<Belonging> {
    if (this.kept === null) {
      await this.heads(null);
    }
    if (!this.kept || !this.listed()) {
      return { history };
    }
    return talk.id === null ? { store: true } : { conversation_id: talk.id };
  }

  /** Return the turns of a conversation; one that was cut off has no answer and is shown as such. */
  async turns(id: string, say: Say): Promise<TurnState[]> {
    const found = (await this.client.json("GET", pathOf(id))) as { turns: StoredTurn[] };
    return found.turns.map((stored) => {
      if (stored.status === "complete") {
        return pastTurn(answerRecord(stored.answer), stored.feedback?.rating ?? null);
      }
      const turn = newTurn(stored.question);
      turn.phase = "stopped";
      const why = stored.status === "started" ? "elsewhere" : stored.interrupted_by;
      turn.why = say.named("interrupted_", why, null);
      return turn;
    });
  }

  /** Give a conversation another title. */
  async rename(id: string, title: string): Promise<void> {
    await this.client.json("PATCH", pathOf(id), { title });
  }

  /** Delete a conversation with all that is in it. */
  async remove(id: string): Promise<void> {
    await this.client.json("DELETE", pathOf(id));
  }

  /** Return where a conversation can be downloaded, `null` where no link may lead there. */
  exportAddress(id: string): string | null {
    return this.client.tokens.used ? null : `${this.client.base}${pathOf(id)}/export`;
  }

  /** Return a conversation as a file. */
  exported(id: string): Promise<Blob> {
    return this.client.file(`${pathOf(id)}/export`);
  }

  /** Say what a reader thinks of an answer, and which of its quotes was wrong. */
  async feedback(record: AnswerRecord, opinion: Opinion): Promise<void> {
    await this.client.json("POST", "/v1/feedback", {
      answer_id: record.id,
      rating: opinion.rating,
      ...(opinion.reason === "" ? {} : { reason: opinion.reason }),
      ...(opinion.comment === "" ? {} : { comment: opinion.comment }),
      ...(opinion.citationNumber === null ? {} : { citation_number: opinion.citationNumber }),
    });
  }
}

function pathOf(id: string): string {
  return `/v1/conversations/${encodeURIComponent(id)}`;
}
