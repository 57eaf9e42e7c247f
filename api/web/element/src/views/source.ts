/** The document beside the text, with the open quote marked. */

import { html, nothing, type TemplateResult } from "lit";
import { shownOf, type Stretch } from "../document-text.js";
import { webAddress } from "../links.js";
import type { Citation, SourceDocument } from "../record.js";
import type { OpenQuote } from "../state.js";
import type { Say } from "../texts.js";

/** What a reader can do with the open quote. */
export interface SourceActions {
  readonly say: Say;
  address(citation: Citation): string | null;
  closeQuote(): void;
  /** Show all of a long document. */
  showAll(): void;
  /** Open the next quote of the same answer, or with -1 the one before. */
  step(by: 1 | -1): void;
}

/** Return the panel; where it is all that there is room for, it is the page's `main`. */
export function sourceView(open: OpenQuote, actions: SourceActions, main: boolean): TemplateResult {
  const { citation, among } = open;
  const { say } = actions;
  const title = citation.document_title.trim() || citation.document_id;
  const words = [citation.publisher ?? "", say.day(citation.published_at)].filter((word) => word !== "");
  const page = actions.address(citation);
  const original = webAddress(citation.url);
  const position = among.indexOf(citation);
  return html`<div class="source" part="source" role=${main ? "main" : "complementary"} aria-labelledby="source-title">
    <div class="head">
      <div class="top">
        <h2 id="source-title" aria-level=${main ? 1 : nothing} class="three-lines" tabindex="-1" dir="auto">${title}</h2>
        <button type="button" class="close" part="button" @click=${() => actions.closeQuote()}>
          ${say.text("close")}
        </button>
      </div>
      ${words.length > 0 ? html`<p class="quiet" dir="auto">${words.join(" · ")}</p>` : nothing}
      <nav aria-label=${say.text("quotes")}>
        ${among.length > 1
          ? html`<button
                type="button"
                class="plain"
                aria-disabled=${position === 0 ? "true" : "false"}
                @click=${() => actions.step(-1)}
              >
                ${say.text("previous")}
              </button>
              <span class="quiet">${say.text(citation.number === null ? "passage_of" : "quote_of", {
                n: position + 1,
                all: among.length,
              })}</span>
              <button
                type="button"
                class="plain"
                aria-disabled=${position === among.length - 1 ? "true" : "false"}
                @click=${() => actions.step(1)}
              >
                ${say.text("next")}
              </button>`
          : nothing}
        ${page === null ? nothing : html`<a href=${page} target="_blank" rel="noopener">${say.text("whole_page")}</a>`}
        ${original === null
          ? nothing
          : html`<a href=${original} target="_blank" rel="noopener noreferrer nofollow">${say.text("original")}</a>`}
      </nav>
    </div>
    <div class="document" part="document" tabindex="0" role="region" aria-label=${say.text("document_text")}>
      ${open.problem !== null
        ? html`<div class="note error" role="alert"><p>${open.problem}</p></div>`
        : open.document === null
          ? html`<p class="stage">${say.text("document_opening")}</p>`
          : textView(open, open.document, actions)}
    </div>
  </div>`;
}

function textView(open: OpenQuote, source: SourceDocument, actions: SourceActions): TemplateResult {
  const { say } = actions;
  const shown = shownOf(source, open.citation, open.all);
  return html`${shown.verified
    ? nothing
    : html`<div class="note error" role="alert">
        <h3>${say.text("document_changed")}</h3>
        <p>${say.text("document_changed_text")}</p>
        <p class="quoted" dir="auto">${open.citation.cited_text}</p>
      </div>`}
  ${shown.cutBefore ? cutNote(say.text("cut_before"), actions) : nothing}
  <div lang=${languageTag(source.language)} dir="auto" class="document-text">${paragraphViews(shown.paragraphs, say)}</div>
  ${shown.cutAfter ? cutNote(say.text("cut_after"), actions) : nothing}`;
}

function cutNote(words: string, actions: SourceActions): TemplateResult {
  return html`<p class="quiet">
    ${words}
    <button type="button" class="link" @click=${() => actions.showAll()}>${actions.say.text("show_all")}</button>
  </p>`;
}

function paragraphViews(paragraphs: Stretch[][], say: Say): TemplateResult[] {
  let named = "";
  return paragraphs.map(
    (stretches) =>
      html`<p>${stretches.map((stretch) => {
        const fresh = stretch.reason !== "" && stretch.reason !== named;
        named = stretch.reason;
        const text =
          stretch.reason === ""
            ? stretch.text
            : html`<span
                class="excluded"
                title=${say.text("left_out", { reason: stretch.reason })}
                data-reason=${fresh ? say.text("left_out_short", { reason: stretch.reason }) : nothing}
                >${stretch.text}</span
              >`;
        return stretch.quoted ? html`<mark part="quote">${text}</mark>` : text;
      })}</p>`,
  );
}

/** Return the tag if it has the form of one; an empty one says "unknown". */
function languageTag(language: string | null): string {
  return language !== null && /^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/.test(language) ? language : "";
}
