/** The form that asks what was wrong with an answer. */

import { html, nothing, type TemplateResult } from "lit";
import { sourceWords } from "../copying.js";
import type { AnswerRecord } from "../record.js";
import type { TurnState } from "../state.js";
import type { TextName } from "../texts.js";
import type { TurnActions } from "./turn.js";

const MAX_COMMENT = 2000;

/** The reasons that the service knows; the texts have their names. */
const OF_ANSWERS: TextName[] = [
  "wrong_answer",
  "wrong_quote",
  "incomplete",
  "outdated",
  "should_have_abstained",
  "other",
];
const OF_ABSTENTIONS: TextName[] = ["should_have_answered", "other"];

/** Return the form of a turn whose answer was called wrong. */
export function feedbackForm(turn: TurnState, record: AnswerRecord, actions: TurnActions): TemplateResult {
  const { say } = actions;
  const reasons = record.status === "abstained" ? OF_ABSTENTIONS : OF_ANSWERS;
  return html`<form
    class="feedback"
    part="feedback"
    aria-label=${say.text("wrong_form")}
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
      >${say.text("wrong_what")}
      <select name="reason">
        ${reasons.map((name) => html`<option value=${name}>${say.text(name)}</option>`)}
      </select>
    </label>
    ${record.citations.length === 0
      ? nothing
      : html`<label
          >${say.text("wrong_which")}
          <select name="citation">
            <option value="">${say.text("wrong_none")}</option>
            ${record.citations.map(
              (citation) =>
                html`<option value=${citation.number ?? ""}>
                  [${citation.number}] ${sourceWords(citation, say)[0]}
                </option>`,
            )}
          </select>
        </label>`}
    <label
      >${say.text("wrong_more")}
      <textarea name="comment" rows="2" maxlength=${MAX_COMMENT}></textarea>
    </label>
    <div class="buttons">
      <button type="submit" class="primary" part="button primary" ?disabled=${turn.feedback.sending}>${say.text("send")}</button>
      <button type="button" @click=${() => actions.cancelFeedback(turn)}>${say.text("cancel")}</button>
    </div>
  </form>`;
}
