/** Asks a question and follows its answer, for the eye and for a screen reader. */

import type { Turn } from "./client.js";
import { asServiceError } from "./errors.js";
import { announceError, type Host } from "./host.js";
import type { AnswerRecord } from "./record.js";
import type { Talk, TurnState } from "./state.js";
import type { Say } from "./texts.js";
import { stageWords } from "./views/turn.js";

/** The contract's bounds of a history. */
const MAX_TURNS = 20;
const MAX_TURN_CHARACTERS = 20_000;
const SENTENCE_END = /[.!?…:]["”»)]?\s*$|\n$/;

/** Asking, on one page. */
export class Asking {
  /** What a screen reader has not heard yet: less than a sentence. */
  private unspoken = "";

  /** `isShown` tells whether a conversation is the one on the page. */
  constructor(
    private readonly host: Host,
    private readonly isShown: (talk: Talk) => boolean,
  ) {}

  /**
   * Ask the question of `turn` in `talk`; whatever becomes of it, `turn` says so at the end.
   *
   * `filters` gives the documents to look in; it throws where the page's are malformed.
   */
  async ask(talk: Talk, turn: TurnState, filters: () => Record<string, unknown> | null): Promise<void> {
    const { say } = this.host;
    const history = historyOf(talk.turns);
    const running = new AbortController();
    talk.running = running;
    talk.turns = [...talk.turns, turn];
    this.unspoken = "";
    this.spoken()?.replaceChildren();
    this.host.tell(say.text("stage_queued"));
    this.host.requestUpdate();
    void this.host.updateComplete.then(() => this.host.find(`#${turn.key}`)?.scrollIntoView({ block: "start" }));
    try {
      const wanted = filters();
      const belonging = await this.host.conversations.belonging(talk, history);
      const record = await this.host.client.ask(
        { question: turn.question, ...(wanted === null ? {} : { filters: wanted }), ...belonging },
        {
          status: (stage) => {
            turn.stage = stage;
            this.tell(talk, stageWords(stage, say));
            this.host.requestUpdate();
          },
          delta: (text) => {
            turn.text += text;
            this.speak(talk, text);
            this.host.requestUpdate();
          },
          citation: (citation) => {
            turn.cited = [...turn.cited.filter((known) => known.id !== citation.id), citation];
            this.host.requestUpdate();
          },
        },
        running.signal,
      );
      // The rest of the last sentence, or all of an answer that came at once.
      this.speak(talk, `${turn.text === "" ? record.answer : ""}\n`);
      turn.record = record;
      turn.phase = "whole";
      talk.id = record.conversation_id ?? talk.id;
      this.tell(talk, wordsFor(record, say));
      this.host.announce("cv-answer", { answer: record });
    } catch (error) {
      if (running.signal.aborted) {
        turn.phase = "stopped";
        this.tell(talk, say.text("stopped"));
      } else {
        turn.phase = "failed";
        turn.problem = asServiceError(error);
        announceError(this.host, turn.problem);
      }
    } finally {
      talk.running = null;
      this.host.requestUpdate();
    }
  }

  private tell(talk: Talk, words: string): void {
    if (this.isShown(talk)) {
      this.host.tell(words);
    }
  }

  /** Let a screen reader hear the answer sentence by sentence. */
  private speak(talk: Talk, text: string): void {
    if (!this.isShown(talk)) {
      return;
    }
    this.unspoken += text;
    if (SENTENCE_END.test(this.unspoken) && this.unspoken.trim() !== "") {
      const line = document.createElement("p");
      line.textContent = this.unspoken.replace(/\s*\[(\d{1,4})\]/g, (_, n: string) => ` ${this.host.say.text("spoken_quote", { n })}`).trim();
      this.spoken()?.append(line);
      this.unspoken = "";
    }
  }

  private spoken(): HTMLElement | null {
    return this.host.find('[role="log"]');
  }
}

function wordsFor(record: AnswerRecord, say: Say): string {
  const n = record.citations.length;
  return record.status === "abstained"
    ? say.text("nothing_found")
    : say.text(record.status === "partial" ? "partial_there" : "answer_there", { n });
}

/** Return the turns that the server is told of: whole ones only, the last ones that fit. */
function historyOf(turns: readonly TurnState[]): Turn[] {
  return turns
    .filter((turn) => turn.record !== null)
    .flatMap((turn): Turn[] => [
      { role: "user", content: turn.question },
      { role: "assistant", content: (turn.record?.answer ?? "").slice(0, MAX_TURN_CHARACTERS) },
    ])
    .slice(-MAX_TURNS);
}
