/** What a reader does with a whole answer: takes it along, and says what it is worth. */

import type { Opinion } from "./conversations.js";
import { asMarkdown, asText } from "./copying.js";
import { asServiceError, focusLater, type Host } from "./host.js";
import type { TurnState, Verdict } from "./state.js";

const SAID_FOR_MS = 6000;

/** Copying and feedback, on one page. */
export class Opinions {
  constructor(private readonly host: Host) {}

  /** Put the answer with its citations on the clipboard, and say whether that went well. */
  copy(turn: TurnState, form: "text" | "markdown"): void {
    if (turn.record === null) {
      return;
    }
    const { base } = this.host.client;
    const text = form === "text" ? asText(turn.record, base) : asMarkdown(turn.record, base);
    const copied = () => this.said(turn, "Copied");
    const failed = () => this.said(turn, "The browser did not allow copying");
    if (navigator.clipboard === undefined) {
      // Pages that came over plain HTTP have no clipboard; the older way still works there.
      copyBySelection(text) ? copied() : failed();
      return;
    }
    navigator.clipboard.writeText(text).then(copied, failed);
  }

  /** Give a good opinion at once; ask what is wrong before a bad one is given. */
  vote(turn: TurnState, verdict: Verdict): void {
    if (turn.feedback.verdict === verdict) {
      return;
    }
    if (verdict === "up") {
      void this.give(turn, { rating: "up", reason: "", comment: "", citationNumber: null });
      return;
    }
    turn.feedback.asking = !turn.feedback.asking;
    this.host.requestUpdate();
    if (turn.feedback.asking) {
      focusLater(this.host, `#${turn.key} form.feedback select`);
    }
  }

  sendFeedback(turn: TurnState, form: HTMLFormElement): void {
    const fields = new FormData(form);
    void this.give(turn, {
      rating: "down",
      reason: String(fields.get("reason") ?? ""),
      comment: String(fields.get("comment") ?? "").trim(),
      citationNumber: Number(fields.get("citation") ?? "") || null,
    });
  }

  cancelFeedback(turn: TurnState): void {
    turn.feedback.asking = false;
    this.host.requestUpdate();
    focusLater(this.host, `#${turn.key} button.down`);
  }

  private async give(turn: TurnState, opinion: Opinion): Promise<void> {
    const { record, feedback } = turn;
    if (record === null || feedback.sending) {
      return;
    }
    feedback.sending = true;
    feedback.said = "";
    this.host.requestUpdate();
    try {
      await this.host.conversations.feedback(record, opinion);
      feedback.verdict = opinion.rating;
      feedback.asking = false;
      feedback.said = "Thank you";
    } catch (error) {
      feedback.said = `Not sent: ${asServiceError(error).message}`;
    } finally {
      feedback.sending = false;
    }
    this.host.tell(feedback.said);
    this.host.requestUpdate();
    const next = opinion.rating === "up" ? "button.up" : feedback.asking ? "form.feedback button" : "button.down";
    focusLater(this.host, `#${turn.key} ${next}`);
  }

  private said(turn: TurnState, words: string): void {
    turn.copied = words;
    this.host.tell(words);
    this.host.requestUpdate();
    window.setTimeout(() => {
      turn.copied = "";
      this.host.requestUpdate();
    }, SAID_FOR_MS);
  }
}

function copyBySelection(text: string): boolean {
  const take = (event: ClipboardEvent) => {
    event.clipboardData?.setData("text/plain", text);
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  document.addEventListener("copy", take, { capture: true, once: true });
  const copied = document.execCommand("copy");
  document.removeEventListener("copy", take, { capture: true });
  return copied;
}
