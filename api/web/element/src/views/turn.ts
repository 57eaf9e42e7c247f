/** One question with its answer: what is being done, the answer, its quotes, what else to know of it. */

import { html, nothing, type TemplateResult } from "lit";
import { paragraphsOf } from "../answer-text.js";
import type { Stage } from "../client.js";
import { sourceWords } from "../copying.js";
import type { ServiceError } from "../errors.js";
import type { Abstention, AnswerRecord, Citation, Disagreement } from "../record.js";
import type { OpenQuote, TurnState } from "../state.js";
import type { Say, TextName } from "../texts.js";
import { feedbackForm } from "./feedback.js";

/** What a reader can do with a turn. */
export interface TurnActions {
  readonly say: Say;
  /** Where a citation's page is linked to; `null` where no link may lead there. */
  address(citation: Citation): string | null;
  openQuote(turn: TurnState, citation: Citation, among: Citation[], from: HTMLElement): void;
  copy(turn: TurnState, form: "text" | "markdown"): void;
  retry(turn: TurnState): void;
  vote(turn: TurnState, verdict: "up" | "down"): void;
  sendFeedback(turn: TurnState, form: HTMLFormElement): void;
  cancelFeedback(turn: TurnState): void;
}

/** Return what is being done. */
export function stageWords(stage: Stage | null, say: Say): string {
  return say.named("stage_", stage ?? "queued", "stage_other");
}

/** Return the template of one turn; `open` is the quote now beside the text. */
export function turnView(turn: TurnState, open: OpenQuote | null, actions: TurnActions): TemplateResult {
  const { record } = turn;
  return html`<article class="turn measure" part="turn" id=${turn.key} aria-labelledby="${turn.key}-question">
    <h2 class="question" part="question" id="${turn.key}-question" dir="auto" tabindex="-1">${turn.question}</h2>
    ${record === null ? runningView(turn, open, actions) : wholeView(turn, record, open, actions)}
  </article>`;
}

function runningView(turn: TurnState, open: OpenQuote | null, actions: TurnActions): TemplateResult {
  const { say } = actions;
  return html`${turn.text === ""
    ? nothing
    : html`<div part="answer" class="answer ${turn.phase === "asking" ? "" : "unfinished"}" dir="auto">
        ${answerParagraphs(turn, turn.text, turn.cited, open, actions)}
      </div>`}
  ${turn.phase === "asking"
    ? html`<p class="stage">${stageWords(turn.stage, say)} …</p>`
    : nothing}
  ${turn.phase === "stopped"
    ? html`<div class="note">
        <p>
          ${turn.why === ""
            ? say.text(turn.text === "" ? "stopped_before" : "stopped_within")
            : say.text("no_answer_because", { why: turn.why })}
        </p>
        <button type="button" part="button" @click=${() => actions.retry(turn)}>${say.text("ask_again")}</button>
      </div>`
    : nothing}
  ${turn.problem === null ? nothing : problemNote(turn.problem, say, () => actions.retry(turn))}`;
}

/** Return a note that says what went wrong and offers to try again. */
export function problemNote(
  problem: ServiceError,
  say: Say,
  retry: (() => void) | null,
  heading: TextName = "no_answer",
): TemplateResult {
  const wait =
    problem.retryAfterS !== null && problem.retryAfterS > 0
      ? ` ${say.text("try_later", { n: problem.retryAfterS })}`
      : "";
  return html`<div class="note error" part="note error" role="alert">
    <h3>${say.text(heading)}</h3>
    <p>${problem.message}${wait}</p>
    ${problem.requestId === null
      ? nothing
      : html`<p class="quiet">${say.text("operator", { id: problem.requestId })}</p>`}
    ${retry === null ? nothing : html`<button type="button" part="button" @click=${retry}>${say.text("try_again")}</button>`}
  </div>`;
}

function wholeView(
  turn: TurnState,
  record: AnswerRecord,
  open: OpenQuote | null,
  actions: TurnActions,
): TemplateResult {
  const { say } = actions;
  const understood = record.standalone_question.trim();
  return html`${understood !== "" && understood !== record.question.trim()
    ? html`<p class="quiet understood" dir="auto">${say.text("understood", { question: understood })}</p>`
    : nothing}
  ${record.short_answer === null || record.short_answer.trim() === record.answer_without_citations.trim()
    ? nothing
    : html`<p class="short" part="short-answer" dir="auto">${record.short_answer}</p>`}
  <div class="answer" part="answer" dir="auto">${answerParagraphs(turn, record.answer, record.citations, open, actions)}</div>
  ${record.missing.length > 0 ? missingNote(record.missing, say) : nothing}
  ${record.disagreements.map((found) => disagreementNote(turn, record, found, open, actions))}
  ${record.abstention === null ? nothing : abstentionView(turn, record.abstention, open, actions)}
  ${record.citations.length > 0 ? sourcesView(turn, record, open, actions) : nothing}
  ${actionsView(turn, record, actions)}
  ${turn.feedback.asking ? feedbackForm(turn, record, actions) : nothing}
  ${madeView(record, say)}`;
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
  const label = actions.say.text("quote_label", {
    n: citation.number ?? "",
    title: sourceWords(citation, actions.say)[0] ?? "",
  });
  return opener(turn, citation, among, open, actions, `[${citation.number}]`, label);
}

/** Return what opens a quote: a link to its page, or where no link may lead there a button. */
function opener(
  turn: TurnState,
  citation: Citation,
  among: Citation[],
  open: OpenQuote | null,
  actions: TurnActions,
  words: string,
  label: string | null = null,
): TemplateResult {
  if (citation.withdrawn) {
    return html`<span class="quiet" dir="auto">${words}</span>`; // nothing is left to open
  }
  const address = actions.address(citation);
  const current = open !== null && open.turn === turn && open.citation.id === citation.id;
  const kind = label === null ? "title" : "marker";
  const clicked = (event: MouseEvent) => {
    // With a modifier a link opens where the reader wants it.
    if (address !== null && (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)) {
      return;
    }
    event.preventDefault();
    actions.openQuote(turn, citation, among, event.currentTarget as HTMLElement);
  };
  return address === null
    ? html`<button
        type="button"
        class="link ${kind}"
        part=${kind}
        dir="auto"
        data-citation=${citation.id}
        aria-label=${label ?? nothing}
        aria-current=${current ? "true" : nothing}
        @click=${clicked}
        >${words}</button
      >`
    : html`<a
        class=${kind}
        part=${kind}
        dir="auto"
        data-citation=${citation.id}
        href=${address}
        aria-label=${label ?? nothing}
        aria-current=${current ? "true" : nothing}
        @click=${clicked}
        >${words}</a
      >`;
}

function missingNote(missing: string[], say: Say): TemplateResult {
  return html`<div class="note missing" part="note missing">
    <h3>${say.text("missing")}</h3>
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
  const { say } = actions;
  return html`<div class="note disagreement" part="note disagreement">
    <h3 dir="auto">${found.about === "" ? say.text("disagree") : say.text("disagree_about", { about: found.about })}</h3>
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
  const { say } = actions;
  return html`<details class="why" part="why" open>
    <summary>${say.text("why")}</summary>
    <p class="quiet" dir="auto">
      ${say.named("reason_", abstention.reason, null)} ${abstention.explanation ?? ""}
      ${abstention.reason === "no_passages"
        ? nothing
        : say.text("probability", { n: percent(abstention.probability) })}
    </p>
    ${abstention.closest.length === 0
      ? nothing
      : html`<div class="closest">
          <h3>${say.text("closest")}</h3>
          <ul>
            ${abstention.closest.map((citation) =>
                html`<li>
                  ${sourceLine(turn, citation, abstention.closest, open, actions)}
                  ${citation.cited_text && html`<p class="quoted three-lines" dir="auto">${citation.cited_text}</p>`}
                </li>`)}
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
  const heading = actions.say.text("sources");
  return html`<section class="sources" part="sources" aria-label=${heading}>
    <h3>${heading}</h3>
    <ul>
      ${[...byDocument.values()].map((citations) =>
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
          </li>`)}
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
  const [title, ...rest] = sourceWords(citation, actions.say);
  return html`<span class="source-line">
    ${opener(turn, citation, among, open, actions, title ?? "")}${rest.length > 0
      ? html`<span class="quiet" dir="auto"> · ${rest.join(" · ")}</span>`
      : nothing}
  </span>`;
}

function squeezed(text: string): string {
  // A source's own "[7]" stays in its quote and is left out of the answer.
  return text.replace(/\s?\[\d+\]/g, "").replace(/\s+/g, " ").trim();
}

function actionsView(turn: TurnState, record: AnswerRecord, actions: TurnActions): TemplateResult {
  const { feedback } = turn;
  const { say } = actions;
  return html`<div class="actions" part="actions">
    <button type="button" class="plain" @click=${() => actions.copy(turn, "text")}>${say.text("copy")}</button>
    <button type="button" class="plain" @click=${() => actions.copy(turn, "markdown")}>
      ${say.text("copy_markdown")}
    </button>
    <span class="said">${turn.copied}</span>
    <div class="apart">
      <span class="said">${feedback.said}</span>
      <button
        type="button"
        class="plain up"
        aria-pressed=${feedback.verdict === "up" ? "true" : "false"}
        ?disabled=${feedback.sending}
        @click=${() => actions.vote(turn, "up")}
      >
        ${say.text(record.status === "abstained" ? "rightly_so" : "helpful")}
      </button>
      <button
        type="button"
        class="plain down"
        aria-pressed=${feedback.verdict === "down" ? "true" : "false"}
        aria-expanded=${feedback.asking ? "true" : "false"}
        ?disabled=${feedback.sending}
        @click=${() => actions.vote(turn, "down")}
      >
        ${say.text(record.status === "abstained" ? "they_say_it" : "not_right")}
      </button>
    </div>
  </div>`;
}

function madeView(record: AnswerRecord, say: Say): TemplateResult {
  const { withheld, receipt } = record;
  const held: [number, TextName][] = [
    [withheld.not_found, "held_not_found"],
    [withheld.misattributed, "held_misattributed"],
    [withheld.unsupported, "held_unsupported"],
  ];
  const shown = held.filter(([count]) => count > 0);
  const rows: [TextName, string | TemplateResult][] = [];
  if (record.confidence !== null) {
    rows.push(["made_sure", say.text("made_sure_text", { n: percent(record.confidence) })]);
  }
  if (shown.length > 0) {
    const list = shown.map(([n, why]) => say.text(why, { n })).join("; ");
    rows.push(["made_withheld", say.text("made_withheld_text", { list })]);
  }
  const total = record.timings_ms["total"];
  if (total !== undefined) {
    const [amount, unit] = total < 1000 ? [Math.round(total), "millisecond"] : [total / 1000, "second"];
    const shape = { style: "unit", unit, maximumFractionDigits: 1 } as const;
    rows.push(["made_time", new Intl.NumberFormat(say.language, shape).format(amount)]);
  }
  rows.push(["made_by", receipt.models["generator"] ?? say.text("made_by_nobody")]);
  rows.push(["made_index", html`<span class="mono">${receipt.index_version}</span>`]);
  rows.push(["answer", html`<span class="mono">${record.id}</span>`]);
  return html`<details class="made" part="made">
    <summary>${say.text("made")}</summary>
    <dl class="quiet">
      ${rows.map(([name, value]) => html`<div><dt>${say.text(name)}</dt><dd>${value}</dd></div>`)}
    </dl>
  </details>`;
}

/** Return a share as whole times in 100, never 0 or 100: nothing is that sure. */
function percent(share: number): number {
  return Math.min(99, Math.max(1, Math.round(share * 100)));
}
