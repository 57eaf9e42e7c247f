/* The page works without this file: it brings the quote into view and copies it. */
(function () {
  "use strict";

  var article = document.getElementById("document-text");
  if (!article) {
    return;
  }

  // Copied text is the document's own: the same line breaks, the same spaces.
  article.addEventListener("copy", function (event) {
    var selection = window.getSelection();
    if (!selection || selection.rangeCount !== 1 || !event.clipboardData) {
      return;
    }
    var range = selection.getRangeAt(0);
    if (range.collapsed || !article.contains(range.commonAncestorContainer)) {
      return;
    }
    event.clipboardData.setData("text/plain", range.toString());
    event.preventDefault();
  });

  var quote = document.getElementById("quote");
  if (!quote) {
    return;
  }
  var marks = article.querySelectorAll("mark");

  function showQuote() {
    var top = quote.getBoundingClientRect().top;
    var bottom = marks[marks.length - 1].getBoundingClientRect().bottom;
    quote.focus({ preventScroll: true });
    quote.scrollIntoView({
      // The start of a long quote matters more than its middle.
      block: bottom - top < window.innerHeight * 0.7 ? "center" : "start",
      behavior: "instant"
    });
  }

  // An address that names another place on the page leads there.
  if (!window.location.hash || window.location.hash === "#quote") {
    window.addEventListener("load", showQuote);
  }

  var button = document.getElementById("copy-quote");
  var status = document.getElementById("copy-status");
  if (!button || !status) {
    return;
  }
  button.hidden = false;

  var clearing = 0;
  function say(words) {
    status.textContent = words;
    window.clearTimeout(clearing);
    clearing = window.setTimeout(function () { status.textContent = ""; }, 6000);
  }

  // Where the page may not write to the clipboard, select the quote instead.
  function copyBySelection() {
    var range = document.createRange();
    range.setStart(quote, 0);
    range.setEndAfter(marks[marks.length - 1].lastChild);
    var selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    var copied = false;
    try {
      copied = document.execCommand("copy");
    } catch (error) {
      copied = false;
    }
    say(copied ? "Copied" : "Selected: copy it with your keyboard or menu");
  }

  button.addEventListener("click", function () {
    var text = Array.prototype.map.call(marks, function (mark) {
      return mark.textContent;
    }).join("");
    if (navigator.clipboard && navigator.clipboard.writeText) {
      navigator.clipboard.writeText(text).then(function () { say("Copied"); }, copyBySelection);
    } else {
      copyBySelection();
    }
  });
})();
