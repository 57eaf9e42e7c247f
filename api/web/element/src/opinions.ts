/** What a reader does with a whole answer: takes it along, and says what it is worth. */

import type { Opinion } from "./conversations.js";
import { asMarkdown, asText } from "./copying.js";
import { asServiceError } from "./errors.js";
import { announceError, focusLater, type Host } from "./host.js";
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
    const { say } = this.host;
    const written = form === "text" ? asText : asMarkdown;
    const text = written(turn.record, say, (citation) => this.host.address(citation));
    const copied = () => this.said(turn, say.text("copied"));
    const failed = () => this.said(turn, say.text("copy_refused"));
    if (navigator.clipboard === undefined) {
      // Pages that came over plain HTTP have no clipboard; the older way still works there.
      copyBySelection(text) ? copied() : failed();
      return;
    }
    // In a frame the portal has to allow the clipboard; the older way still works there.
    navigator.clipboard.writeText(text).then(copied, () => (copyBySelection(text) ? copied() : failed()));
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
      feedback.said = this.host.say.text("thank_you");
    } catch (error) {
      const problem = asServiceError(error);
      feedback.said = this.host.say.text("not_sent", { why: problem.message });
      announceError(this.host, problem);
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
