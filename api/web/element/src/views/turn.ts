/** One question with its answer: what is being done, the answer, its quotes, what else to know of it. */

import { html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { paragraphsOf } from "../answer-text.js";
import type { ServiceError, Stage } from "../client.js";
import { sourceWords } from "../copying.js";
import { viewerAddress } from "../links.js";
import type { Abstention, AnswerRecord, Citation, Disagreement } from "../record.js";
import type { OpenQuote, TurnState } from "../state.js";
import { feedbackForm } from "./feedback.js";

/** What a reader can do with a turn. */
export interface TurnActions {
  readonly base: string;
  openQuote(turn: TurnState, citation: Citation, among: Citation[], from: HTMLElement): void;
  copy(turn: TurnState, form: "text" | "markdown"): void;
  retry(turn: TurnState): void;
  vote(turn: TurnState, verdict: "up" | "down"): void;
  sendFeedback(turn: TurnState, form: HTMLFormElement): void;
  cancelFeedback(turn: TurnState): void;
}

export const STAGE_WORDS: Record<Stage, string> = {
  queued: "Asking",
  retrieve: "Searching the documents",
  read: "Reading what was found",
  write: "Writing the answer",
  verify: "Checking every quote",
};

const REASON_WORDS: Record<Abstention["reason"], string> = {
  no_passages: "No passage of the documents fits this question.",
  not_supported: "Passages on the subject were found, but none of them says what was asked.",
  below_threshold: "Something came close, but not surely enough to be shown as an answer.",
};

/** Return the template of one turn; `open` is the quote now beside the text. */
export function turnView(turn: TurnState, open: OpenQuote | null, actions: TurnActions): TemplateResult {
  const { record } = turn;
  return html`<article class="turn measure" id=${turn.key} aria-labelledby="${turn.key}-question">
    <h2 class="question" id="${turn.key}-question" dir="auto" tabindex="-1">${turn.question}</h2>
    ${record === null ? runningView(turn, open, actions) : wholeView(turn, record, open, actions)}
  </article>`;
}

function runningView(turn: TurnState, open: OpenQuote | null, actions: TurnActions): TemplateResult {
  return html`${turn.text === ""
    ? nothing
    : html`<div class="answer ${turn.phase === "asking" ? "" : "unfinished"}" dir="auto">
        ${answerParagraphs(turn, turn.text, turn.cited, open, actions)}
      </div>`}
  ${turn.phase === "asking"
    ? html`<p class="stage">${turn.stage === null ? "Asking" : (STAGE_WORDS[turn.stage] ?? "Working")} …</p>`
    : nothing}
  ${turn.phase === "stopped"
    ? html`<div class="note">
        <p>
          ${turn.why === "" ? `Stopped${turn.text === "" ? "." : ": what stands above is not the whole answer."}` : `There is no answer. ${turn.why}`}
        </p>
        <button type="button" @click=${() => actions.retry(turn)}>Ask again</button>
      </div>`
    : nothing}
  ${turn.problem === null ? nothing : problemNote(turn.problem, () => actions.retry(turn))}`;
}

/** Return a note that says what went wrong and offers to try again. */
export function problemNote(
  problem: ServiceError,
  retry: (() => void) | null,
  heading = "No answer was given",
): TemplateResult {
  const wait =
    problem.retryAfterS !== null && problem.retryAfterS > 0
      ? ` Try again in ${problem.retryAfterS} ${problem.retryAfterS === 1 ? "second" : "seconds"}.`
      : "";
  return html`<div class="note error" role="alert">
    <h3>${heading}</h3>
    <p>${problem.message}${wait}</p>
    ${problem.requestId === null
      ? nothing
      : html`<p class="quiet">For the operator: request <span class="mono">${problem.requestId}</span></p>`}
    ${retry === null ? nothing : html`<button type="button" @click=${retry}>Try again</button>`}
  </div>`;
}

function wholeView(
  turn: TurnState,
  record: AnswerRecord,
  open: OpenQuote | null,
  actions: TurnActions,
): TemplateResult {
  const understood = record.standalone_question.trim();
  return html`${understood !== "" && understood !== record.question.trim()
    ? html`<p class="quiet understood" dir="auto">Understood as: ${understood}</p>`
    : nothing}
  ${record.short_answer === null || record.short_answer.trim() === record.answer_without_citations.trim()
    ? nothing
    : html`<p class="short" dir="auto">${record.short_answer}</p>`}
  <div class="answer" dir="auto">${answerParagraphs(turn, record.answer, record.citations, open, actions)}</div>
  ${record.missing.length > 0 ? missingNote(record.missing) : nothing}
  ${record.disagreements.map((found) => disagreementNote(turn, record, found, open, actions))}
  ${record.abstention === null ? nothing : abstentionView(turn, record.abstention, open, actions)}
  ${record.citations.length > 0 ? sourcesView(turn, record, open, actions) : nothing}
  ${actionsView(turn, record, actions)}
  ${turn.feedback.asking ? feedbackForm(turn, record, actions) : nothing}
  ${madeView(record)}`;
}

function answerParagraphs(
  turn: TurnState,
  text: string,
  citations: Citation[],
  open: OpenQuote | null,
  actions: TurnActions,
): TemplateResult[] {
  const byNumber = new Map(citations.map((citation) => [citation.number ?? 0, citation]));
  const opened = open !== null && open.turn === turn && turn.record !== null ? open.citation : null;
  return paragraphsOf(text, new Set(byNumber.keys()), opened?.answer_spans ?? []).map(
    (pieces) =>
      // In one line: the paragraph keeps its white space.
      html`<p>${pieces.map((piece) => {
        if (piece.kind === "marker") {
          return marker(turn, byNumber.get(piece.number) as Citation, citations, open, actions);
        }
        return piece.supported ? html`<span class="supported">${piece.text}</span>` : piece.text;
      })}</p>`,
  );
}

function marker(
  turn: TurnState,
  citation: Citation,
  among: Citation[],
  open: OpenQuote | null,
  actions: TurnActions,
): TemplateResult {
  const address = viewerAddress(citation.viewer_url, actions.base);
  const current = open !== null && open.turn === turn && open.citation.id === citation.id;
  return html`<a
    class="marker"
    data-citation=${citation.id}
    href=${address ?? nothing}
    role=${address === null ? "button" : nothing}
    tabindex=${address === null ? "0" : nothing}
    aria-label="Quote ${citation.number}: ${sourceWords(citation)[0]}"
    aria-current=${current ? "true" : nothing}
    @click=${(event: MouseEvent) => {
      // With a modifier a link opens where the reader wants it.
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) {
        return;
      }
      event.preventDefault();
      actions.openQuote(turn, citation, among, event.currentTarget as HTMLElement);
    }}
    >[${citation.number}]</a
  >`;
}

function missingNote(missing: string[]): TemplateResult {
  return html`<div class="note missing">
    <h3>Not answered by the sources</h3>
    <ul>
      ${missing.map((part) => html`<li dir="auto">${part}</li>`)}
    </ul>
  </div>`;
}

function disagreementNote(
  turn: TurnState,
  record: AnswerRecord,
  found: Disagreement,
  open: OpenQuote | null,
  actions: TurnActions,
): TemplateResult {
  const byNumber = new Map(record.citations.map((citation) => [citation.number, citation]));
  return html`<div class="note disagreement">
    <h3>The sources disagree${found.about === "" ? "" : html`: <span dir="auto">${found.about}</span>`}</h3>
    <ul>
      ${found.sides.map(
        (side) =>
          html`<li>
            <span dir="auto">${side.value}</span>${side.citations.map((number) => {
              const citation = byNumber.get(number);
              return citation === undefined
                ? ` [${number}]`
                : html` ${marker(turn, citation, record.citations, open, actions)}`;
            })}
          </li>`,
      )}
    </ul>
  </div>`;
}

function abstentionView(
  turn: TurnState,
  abstention: Abstention,
  open: OpenQuote | null,
  actions: TurnActions,
): TemplateResult {
  return html`<details class="why" open>
    <summary>Why was nothing found?</summary>
    <p class="quiet" dir="auto">
      ${REASON_WORDS[abstention.reason] ?? ""} ${abstention.explanation ?? ""}
      ${abstention.reason === "no_passages"
        ? nothing
        : `The probability that the documents do not answer it: ${percent(abstention.probability)}\u00a0%.`}
    </p>
    ${abstention.closest.length === 0
      ? nothing
      : html`<div class="closest">
          <h3>What came closest, though it does not answer</h3>
          <ul>
            ${repeat(
              abstention.closest,
              (citation) => citation.id,
              (citation) =>
                html`<li>
                  ${sourceLine(turn, citation, abstention.closest, open, actions)}
                  <p class="quoted three-lines" dir="auto">${citation.cited_text}</p>
                </li>`,
            )}
          </ul>
        </div>`}
  </details>`;
}

function sourcesView(
  turn: TurnState,
  record: AnswerRecord,
  open: OpenQuote | null,
  actions: TurnActions,
): TemplateResult {
  const plain = squeezed(record.answer_without_citations);
  const byDocument = new Map<string, Citation[]>();
  for (const citation of record.citations) {
    byDocument.set(citation.document_id, [...(byDocument.get(citation.document_id) ?? []), citation]);
  }
  return html`<section class="sources" aria-label="Sources">
    <h3>Sources</h3>
    <ul>
      ${repeat(
        byDocument.values(),
        (citations) => citations[0]?.document_id,
        (citations) =>
          html`<li>
            ${citations.map((citation) => html`${marker(turn, citation, record.citations, open, actions)} `)}
            ${sourceLine(turn, citations[0] as Citation, record.citations, open, actions)}
            ${citations
              // Where the answer is these words, they stand there already.
              .filter((citation) => !plain.includes(squeezed(citation.cited_text)))
              .map(
                (citation) =>
                  html`<p class="quoted three-lines" dir="auto">[${citation.number}] ${citation.cited_text}</p>`,
              )}
          </li>`,
      )}
    </ul>
  </section>`;
}

function sourceLine(
  turn: TurnState,
  citation: Citation,
  among: Citation[],
  open: OpenQuote | null,
  actions: TurnActions,
): TemplateResult {
  const [title, ...rest] = sourceWords(citation);
  const address = viewerAddress(citation.viewer_url, actions.base);
  const current = open !== null && open.turn === turn && open.citation.id === citation.id;
  return html`<span class="source-line">
    <a
      data-citation=${citation.id}
      href=${address ?? nothing}
      role=${address === null ? "button" : nothing}
      tabindex=${address === null ? "0" : nothing}
      aria-current=${current ? "true" : nothing}
      dir="auto"
      @click=${(event: MouseEvent) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) {
          return;
        }
        event.preventDefault();
        actions.openQuote(turn, citation, among, event.currentTarget as HTMLElement);
      }}
      >${title}</a
    >${rest.length > 0 ? html`<span class="quiet" dir="auto"> · ${rest.join(" · ")}</span>` : nothing}
  </span>`;
}

function squeezed(text: string): string {
  // A source's own "[7]" stays in its quote and is left out of the answer.
  return text.replace(/\s?\[\d+\]/g, "").replace(/\s+/g, " ").trim();
}

function actionsView(turn: TurnState, record: AnswerRecord, actions: TurnActions): TemplateResult {
  const { feedback } = turn;
  return html`<div class="actions">
    <button type="button" class="plain" @click=${() => actions.copy(turn, "text")}>Copy</button>
    <button type="button" class="plain" @click=${() => actions.copy(turn, "markdown")}>Copy as Markdown</button>
    <span class="said">${turn.copied}</span>
    <span class="apart said">${feedback.said}</span>
    <button
      type="button"
      class="plain up"
      aria-pressed=${feedback.verdict === "up" ? "true" : "false"}
      ?disabled=${feedback.sending}
      @click=${() => actions.vote(turn, "up")}
    >
      ${record.status === "abstained" ? "Rightly so" : "Helpful"}
    </button>
    <button
      type="button"
      class="plain down"
      aria-pressed=${feedback.verdict === "down" ? "true" : "false"}
      aria-expanded=${feedback.asking ? "true" : "false"}
      ?disabled=${feedback.sending}
      @click=${() => actions.vote(turn, "down")}
    >
      ${record.status === "abstained" ? "They do say it" : "Not right"}
    </button>
  </div>`;
}

function madeView(record: AnswerRecord): TemplateResult {
  const { withheld, receipt } = record;
  const held: [number, string][] = [
    [withheld.not_found, "quoted words that are not in the documents"],
    [withheld.misattributed, "quoted words of another document"],
    [withheld.unsupported, "said more than their quotes do"],
  ];
  const shown = held.filter(([count]) => count > 0);
  const rows: [string, string | TemplateResult][] = [];
  if (record.confidence !== null) {
    rows.push([
      "How sure",
      `Answers like this one are right about ${percent(record.confidence)} times in 100.`,
    ]);
  }
  if (shown.length > 0) {
    const words = shown.map(([count, why]) => `${count} because ${count === 1 ? "it" : "they"} ${why}`);
    rows.push(["Withheld", `Sentences not shown: ${words.join("; ")}.`]);
  }
  const total = record.timings_ms["total"];
  if (total !== undefined) {
    rows.push(["Time", total < 1000 ? `${Math.round(total)} ms` : `${(total / 1000).toFixed(1)} s`]);
  }
  rows.push(["Written by", receipt.models["generator"] ?? "nobody: the sentences are the documents' own"]);
  rows.push(["Index", html`<span class="mono">${receipt.index_version}</span>`]);
  rows.push(["Answer", html`<span class="mono">${record.id}</span>`]);
  return html`<details class="made">
    <summary>How this was made</summary>
    <dl class="quiet">
      ${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}
    </dl>
  </details>`;
}

/** Return a share as whole times in 100, never 0 or 100: nothing is that sure. */
function percent(share: number): number {
  return Math.min(99, Math.max(1, Math.round(share * 100)));
}
