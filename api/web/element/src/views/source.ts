/** The document beside the text, with the open quote marked. */

import { html, nothing, type TemplateResult } from "lit";
import { dayOf } from "../copying.js";
import { shownOf, type Stretch } from "../document-text.js";
import { viewerAddress, webAddress } from "../links.js";
import type { SourceDocument } from "../record.js";
import type { OpenQuote } from "../state.js";

/** What a reader can do with the open quote. */
export interface SourceActions {
  readonly base: string;
  closeQuote(): void;
  /** Open the next quote of the same answer, or with -1 the one before. */
  step(by: 1 | -1): void;
}

/** Return the panel. */
export function sourceView(open: OpenQuote, actions: SourceActions): TemplateResult {
  const { citation, among } = open;
  const title = citation.document_title.trim() || citation.document_id;
  const words = [citation.publisher ?? "", dayOf(citation.published_at)].filter((word) => word !== "");
  const page = viewerAddress(citation.viewer_url, actions.base);
  const original = webAddress(citation.url);
  const position = among.indexOf(citation);
  return html`<aside class="source" aria-labelledby="source-title">
    <header>
      <div class="top">
        <h2 id="source-title" class="three-lines" tabindex="-1" dir="auto">${title}</h2>
        <button type="button" class="close" @click=${() => actions.closeQuote()}>Close</button>
      </div>
      ${words.length > 0 ? html`<p class="quiet" dir="auto">${words.join(" · ")}</p>` : nothing}
      <nav aria-label="Quotes">
        ${among.length > 1
          ? html`<button
                type="button"
                class="plain"
                aria-disabled=${position === 0 ? "true" : "false"}
                @click=${() => actions.step(-1)}
              >
                Previous
              </button>
              <span class="quiet">${citation.number === null ? "Passage" : "Quote"} ${position + 1} of ${among.length}</span>
              <button
                type="button"
                class="plain"
                aria-disabled=${position === among.length - 1 ? "true" : "false"}
                @click=${() => actions.step(1)}
              >
                Next
              </button>`
          : nothing}
        ${page === null ? nothing : html`<a href=${page} target="_blank" rel="noopener">Whole page</a>`}
        ${original === null
          ? nothing
          : html`<a href=${original} target="_blank" rel="noopener noreferrer nofollow">Original</a>`}
      </nav>
    </header>
    <div class="document" tabindex="0" role="region" aria-label="The document's text">
      ${open.problem !== null
        ? html`<div class="note error" role="alert"><p>${open.problem}</p></div>`
        : open.document === null
          ? html`<p class="stage">Opening the document …</p>`
          : textView(open, open.document)}
    </div>
  </aside>`;
}

function textView(open: OpenQuote, source: SourceDocument): TemplateResult {
  const shown = shownOf(source, open.citation);
  return html`${shown.verified
    ? nothing
    : html`<div class="note error" role="alert">
        <h3>The document has changed</h3>
        <p>These words were quoted from an earlier text of it, and no longer stand at that place:</p>
        <p class="quoted" dir="auto">${open.citation.cited_text}</p>
      </div>`}
  ${shown.cutBefore ? html`<p class="quiet">… the text before this is left out here; see the whole page.</p>` : nothing}
  <div lang=${languageTag(source.language)} dir="auto" class="document-text">${paragraphViews(shown.paragraphs)}</div>
  ${shown.cutAfter ? html`<p class="quiet">… the text goes on; see the whole page.</p>` : nothing}`;
}

function paragraphViews(paragraphs: Stretch[][]): TemplateResult[] {
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
                title="left out of answers: ${stretch.reason}"
                data-reason=${fresh ? stretch.reason : nothing}
                >${stretch.text}</span
              >`;
        return stretch.quoted ? html`<mark>${text}</mark>` : text;
      })}</p>`,
  );
}

/** Return the tag if it has the form of one; an empty one says "unknown". */
function languageTag(language: string | null): string {
  return language !== null && /^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/.test(language) ? language : "";
}
