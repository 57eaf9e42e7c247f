/** The form that asks what was wrong with an answer. */

import { html, nothing, type TemplateResult } from "lit";
import { sourceWords } from "../copying.js";
import type { AnswerRecord } from "../record.js";
import type { TurnState } from "../state.js";
import type { TurnActions } from "./turn.js";

const MAX_COMMENT = 2000;

/** The reasons that the service knows, in the reader's words. */
const OF_ANSWERS: [string, string][] = [
  ["wrong_answer", "The answer is wrong"],
  ["wrong_quote", "A quote does not say that"],
  ["incomplete", "Something is missing"],
  ["outdated", "It is out of date"],
  ["should_have_abstained", "The documents do not answer this"],
  ["other", "Something else"],
];
const OF_ABSTENTIONS: [string, string][] = [
  ["should_have_answered", "The documents do answer this"],
  ["other", "Something else"],
];

/** Return the form of a turn whose answer was called wrong. */
export function feedbackForm(turn: TurnState, record: AnswerRecord, actions: TurnActions): TemplateResult {
  const reasons = record.status === "abstained" ? OF_ABSTENTIONS : OF_ANSWERS;
  return html`<form
    class="feedback"
    aria-label="What was wrong"
    @submit=${(event: SubmitEvent) => {
      event.preventDefault();
      actions.sendFeedback(turn, event.currentTarget as HTMLFormElement);
    }}
    @keydown=${(event: KeyboardEvent) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        actions.cancelFeedback(turn);
      }
    }}
  >
    <label
      >What was wrong?
      <select name="reason">
        ${reasons.map(([value, words]) => html`<option value=${value}>${words}</option>`)}
      </select>
    </label>
    ${record.citations.length === 0
      ? nothing
      : html`<label
          >Which quote?
          <select name="citation">
            <option value="">None in particular</option>
            ${record.citations.map(
              (citation) =>
                html`<option value=${citation.number ?? ""}>
                  [${citation.number}] ${sourceWords(citation)[0]}
                </option>`,
            )}
          </select>
        </label>`}
    <label
      >Anything to add?
      <textarea name="comment" rows="2" maxlength=${MAX_COMMENT}></textarea>
    </label>
    <div class="buttons">
      <button type="submit" class="primary" ?disabled=${turn.feedback.sending}>Send</button>
      <button type="button" @click=${() => actions.cancelFeedback(turn)}>Cancel</button>
    </div>
  </form>`;
}
