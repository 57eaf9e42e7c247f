/* The page works without this file: it adds dropping, progress, states as they change, and deleting. */
(function () {
  "use strict";

  var form = document.getElementById("add");
  var input = document.getElementById("files");
  var sent = document.getElementById("sent");
  var list = document.getElementById("documents");
  var status = document.getElementById("status");
  if (!form || !input || !sent || !list || !status) {
    return;
  }
  var words = {
    received: "received",
    reading: "being read",
    stored: "stored, soon to be found",
    searchable: "can be found",
    failed: "failed"
  };
  var changes = {
    added: "added",
    replaced: "replaces the one before",
    access: "has another access rule",
    unchanged: "was there already",
    removed: "deleted"
  };
  var maxBytes = Number(form.dataset.maxMib) * 1024 * 1024;
  var waiting = [];
  var sending = 0;
  var streams = 0;
  var asked = [];
  var asking = false;

  document.querySelectorAll(".with-script").forEach(function (one) { one.hidden = false; });
  // With this script a choice is enough.
  document.getElementById("send").hidden = true;

  function make(tag, name, text) {
    var made = document.createElement(tag);
    made.className = name;
    if (text) {
      made.textContent = text;
    }
    return made;
  }

  function say(text) {
    status.textContent = text;
  }

  function key() {
    var bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, function (one) { return one.toString(16).padStart(2, "0"); }).join("");
  }

  function understood(one) {
    var facts = [changes[one.change] || one.change];
    if (one.published_at) { facts.push(one.published_at); }
    if (one.language) { facts.push(one.language); }
    if (one.pages) { facts.push(one.pages + (one.pages === 1 ? " page" : " pages")); }
    if (one.characters) {
      var share = Math.round(100 * (one.excluded_characters || 0) / one.characters);
      facts.push(one.characters.toLocaleString("en") + " characters" + (share ? ", " + share + " % left out" : ""));
    }
    return facts.join(" · ");
  }

  // One file in the list of what was sent.
  function Row(name) {
    this.name = name;
    this.line = make("li", "");
    this.title = make("span", "name", name);
    this.title.dir = "auto";
    this.facts = make("span", "facts", "waits to be sent");
    this.bar = make("progress", "");
    this.bar.max = 1;
    this.bar.value = 0;
    this.bar.setAttribute("aria-label", "Sent of " + name);
    this.line.append(this.title, this.facts, this.bar);
    sent.prepend(this.line);
    document.getElementById("sent-section").hidden = false;
  }

  Row.prototype.fail = function (text) {
    this.bar.remove();
    this.line.className = "failed";
    this.facts.textContent = text;
    say(this.name + ": " + text);
  };

  Row.prototype.show = function (job) {
    this.bar.remove();
    var row = this;
    var parts = job.documents.map(understood);
    var state = words[job.state] + (job.waiting ? " – " + job.waiting : "");
    if (job.documents.length === 1) {
      var one = job.documents[0];
      row.title.textContent = one.title || row.name;
      if (job.state === "searchable" && one.viewer_url) {
        var link = make("a", "", one.title || row.name);
        link.href = one.viewer_url;
        row.title.replaceChildren(link);
      }
      state += " · " + parts[0];
    } else if (job.documents.length > 1) {
      state += " · " + job.documents.length + " documents";
    }
    var errors = job.errors.map(function (error) { return error.detail; });
    if (errors.length) {
      row.line.className = "failed";
      state = (job.documents.length ? state + " · " : "") + errors.slice(0, 5).join(" · ") +
        (errors.length > 5 ? " · and " + (errors.length - 5) + " more" : "");
    }
    row.facts.textContent = state;
    if (job.state === "searchable" || job.state === "failed") {
      say(row.name + ": " + state);
      job.documents.forEach(listed);
    }
  };

  function listed(one) {
    if (!one.title || one.change === "removed") {
      return;
    }
    var there = Array.from(list.children).find(function (line) { return line.dataset.id === one.document_id; });
    var line = make("li", "");
    line.dataset.id = one.document_id;
    var title = make("span", "name");
    title.dir = "auto";
    var link = make("a", "", one.title);
    link.href = one.viewer_url;
    title.append(link);
    var facts = make("span", "facts", [one.publisher, one.published_at].filter(Boolean).join(" · "));
    var button = make("button", "delete", "Delete");
    button.type = "button";
    button.setAttribute("aria-label", "Delete " + one.title);
    line.append(title, facts, button);
    if (there) { there.replaceWith(line); } else { list.append(line); }
    var none = document.getElementById("no-documents");
    if (none) { none.remove(); }
  }

  function problem(request) {
    try {
      return JSON.parse(request.responseText).detail;
    } catch {
      return "the service answered " + request.status;
    }
  }

  // Follow a job until it ends: by events, which browsers take up again by themselves.
  // A browser keeps six connections to a server at most, for all its tabs: two stay open here, and the
  // other jobs are asked for in turn.
  function follow(id, show) {
    if (streams >= 2) {
      askLater(id, show);
      return;
    }
    streams += 1;
    var source = new EventSource("/v1/jobs/" + id);
    var seen = { state: "received", documents: [], errors: [], waiting: null };
    source.addEventListener("state", function (event) {
      var told = JSON.parse(event.data);
      seen.state = told.state;
      seen.waiting = told.waiting;
      show(seen);
    });
    source.addEventListener("done", function (event) {
      source.close();
      streams -= 1;
      show(JSON.parse(event.data));
    });
    source.addEventListener("error", function () {
      if (source.readyState === EventSource.CLOSED) {
        streams -= 1;
        askLater(id, show);
      }
    });
  }

  function askLater(id, show) {
    asked.push({ id: id, show: show });
    if (!asking) {
      asking = true;
      ask();
    }
  }

  function ask() {
    var one = asked.shift();
    if (!one) {
      asking = false;
      return;
    }
    fetch("/v1/jobs/" + one.id, { headers: { Accept: "application/json" } })
      .then(function (reply) {
        // What is gone, or may not be seen any more, is not asked for again.
        return reply.ok ? reply.json() : reply.status >= 500 ? null : { state: "failed", documents: [], errors: [] };
      })
      .catch(function () { return null; })
      .then(function (told) {
        if (told) { one.show(told); }
        if (!told || (told.state !== "searchable" && told.state !== "failed")) { asked.push(one); }
        window.setTimeout(ask, 400);
      });
  }

  function send(row, file, token, tries) {
    var body = new FormData();
    body.append("files", file, file.name);
    var request = new XMLHttpRequest();
    request.open("POST", "/v1/documents");
    request.setRequestHeader("Idempotency-Key", token);
    row.facts.textContent = "is being sent";
    request.upload.addEventListener("progress", function (event) {
      if (event.lengthComputable) { row.bar.value = event.loaded / event.total; }
    });
    request.addEventListener("load", function () {
      if (request.status === 202) {
        var job = JSON.parse(request.responseText);
        row.show(job);
        follow(job.job_id, function (told) { row.show(told); });
      } else if (request.status === 503 && tries < 20) {
        row.facts.textContent = "waits: the service is busy";
        window.setTimeout(function () { send(row, file, token, tries + 1); }, 2000);
        return;
      } else {
        row.fail(problem(request));
      }
      sending -= 1;
      next();
    });
    request.addEventListener("error", function () {
      // The same key again: what had arrived is not taken twice.
      if (tries < 3) {
        window.setTimeout(function () { send(row, file, token, tries + 1); }, 1500);
        return;
      }
      row.fail("could not be sent; the connection was lost");
      sending -= 1;
      next();
    });
    request.send(body);
  }

  function next() {
    while (sending < 2 && waiting.length) {
      var one = waiting.shift();
      sending += 1;
      send(one.row, one.file, key(), 0);
    }
  }

  function take(files) {
    Array.from(files).forEach(function (file) {
      var row = new Row(file.name);
      if (file.size > maxBytes - 4096) {
        row.fail("is larger than " + form.dataset.maxMib + " MiB");
      } else {
        waiting.push({ row: row, file: file });
      }
    });
    next();
  }

  input.addEventListener("change", function () {
    take(input.files);
    input.value = "";
  });
  form.addEventListener("submit", function (event) { event.preventDefault(); });
  form.addEventListener("dragover", function (event) {
    event.preventDefault();
    form.classList.add("over");
  });
  form.addEventListener("dragleave", function () { form.classList.remove("over"); });
  form.addEventListener("drop", function (event) {
    event.preventDefault();
    form.classList.remove("over");
    take(event.dataTransfer.files);
  });
  // A file that misses the field must not take the page away.
  window.addEventListener("dragover", function (event) { event.preventDefault(); });
  window.addEventListener("drop", function (event) { event.preventDefault(); });

  // Deleting asks once more, in the same place.
  list.addEventListener("click", function (event) {
    var button = event.target.closest("button.delete");
    if (!button) {
      return;
    }
    var line = button.closest("li");
    var title = line.querySelector(".name").textContent;
    var sure = make("span", "sure");
    var yes = make("button", "", "Yes, delete");
    var no = make("button", "", "Keep");
    yes.type = no.type = "button";
    sure.setAttribute("role", "group");
    sure.setAttribute("aria-label", "Delete " + title + "?");
    sure.append(make("span", "", "Delete it for everybody? It cannot be undone."), yes, no);
    button.hidden = true;
    line.append(sure);
    no.focus();
    function keep() {
      sure.remove();
      button.hidden = false;
      button.focus();
    }
    no.addEventListener("click", keep);
    sure.addEventListener("keydown", function (pressed) {
      if (pressed.key === "Escape") { keep(); }
    });
    yes.addEventListener("click", function () {
      yes.disabled = no.disabled = true;
      fetch("/v1/documents/" + encodeURIComponent(line.dataset.id), { method: "DELETE" }).then(function (answer) {
        if (answer.status === 202 || answer.status === 404) {
          var beside = line.nextElementSibling || line.previousElementSibling;
          line.remove();
          say(title + " was deleted");
          (beside ? beside.querySelector("a") : input).focus();
        } else {
          return answer.json().then(function (told) { throw new Error(told.detail); });
        }
      }).catch(function (error) {
        keep();
        say(title + " was not deleted: " + error.message);
        line.querySelector(".facts").textContent = "was not deleted: " + error.message;
      });
    });
  });
})();
