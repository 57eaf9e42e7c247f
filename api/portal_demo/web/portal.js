/* The portal's own script: it shows what happens, and answers the frame. A page with the element alone needs none. */

const service = document.querySelector("script[data-service]").dataset.service;
const frame = document.querySelector("iframe");

function happened(words) {
  const line = document.createElement("li");
  line.textContent = words;
  document.querySelector("#happened")?.append(line);
}

const WHY = { missing: "there was none", expiring: "the last one ends soon", refused: "the service refused the last one" };

document.addEventListener("cv-token-needed", (event) => {
  happened(`The box needs a token, for ${WHY[event.detail.reason]}: it asks /token, and this portal's backend asks the service.`);
});
document.addEventListener("cv-answer", ({ detail: { answer } }) => {
  const titles = [...new Set(answer.citations.map((citation) => citation.document_title))];
  happened(titles.length === 0 ? "These documents do not say." : `Answered from: ${titles.join("; ")}.`);
});
document.addEventListener("cv-citation", ({ detail: { citation } }) => {
  happened(`A quote of “${citation.document_title}” is opened: its document is fetched with the token.`);
});
document.addEventListener("cv-error", (event) => happened(`It failed: ${event.detail.message}`));

// The frame holds its token itself; when it needs another, it asks the page that it knows, and that page alone.
window.addEventListener("message", async (event) => {
  if (event.origin !== service || event.source !== frame?.contentWindow || event.data?.type !== "cv-token-needed") {
    return;
  }
  happened("The frame needs another token: this page asks /frame-token and passes it on.");
  const reply = await fetch("/frame-token");
  if (reply.ok) {
    const { token, expires_at } = await reply.json();
    frame.contentWindow.postMessage({ type: "cv-token", token, expires_at }, service);
  }
});
