// The list of columns: search, tick, move by button or pointer. Without this script each column has
// its number, and the buttons ask the server. And what was chosen outlives that the page is left.

const EDGE = 32; // pixels from an end of the list within which dragging scrolls it
const DOUBLE = 2000; // milliseconds within which the same button again is a double click
const KEPT = "#reports-kept"; // in the address: what was sent before did not arrive

const form = document.querySelector("[data-reports-form]");
const part = document.querySelector("[data-reports-columns]");

function setUp() {
  const list = part.querySelector("ol.reports-columns");
  const search = part.querySelector("#reports-search");
  const count = part.querySelector("[data-count]");
  const moved = part.querySelector("[data-moved]");

  const lines = () => [...list.children];
  const tickOf = (line) => line.querySelector("input[type=checkbox]");
  const numberOf = (line) => line.querySelector("input[type=number]");
  const nameOf = (line) => line.querySelector(".reports-tick").textContent.trim();
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_all, name) => values[name]);

  function tell() {
    const all = lines();
    const chosen = all.filter((line) => tickOf(line).checked).length;
    let text = fill(count.dataset.count, { chosen, all: all.length });
    if (search.value.trim()) {
      const found = all.filter((line) => !line.hidden).length;
      text = `${fill(count.dataset.found, { found })} · ${text}`;
    }
    if (count.textContent !== text) {
      count.textContent = text;
    }
  }

  function renumber() {
    lines().forEach((line, index) => {
      numberOf(line).value = index + 1;
    });
  }

  function say(line) {
    const all = lines();
    const values = { column: nameOf(line), position: all.indexOf(line) + 1, all: all.length };
    moved.textContent = fill(moved.dataset.moved, values);
  }

  function step(line, direction) {
    const shown = lines().filter((other) => !other.hidden);
    const other = shown[shown.indexOf(line) + (direction === "up" ? -1 : 1)];
    if (!other) {
      say(line);
      return;
    }
    if (direction === "up") {
      other.before(line);
    } else {
      other.after(line);
    }
    renumber();
    say(line);
  }

  list.addEventListener("click", (event) => {
    const button = event.target.closest("[data-move]");
    if (button) {
      step(button.closest("li"), button.dataset.move);
      button.focus(); // it is the same button, in another place
    }
  });

  list.addEventListener("change", (event) => {
    const line = event.target.closest("li");
    if (event.target.type === "checkbox") {
      tell();
    } else if (event.target.type === "number" && event.target.value !== "") {
      const others = lines().filter((other) => other !== line);
      const place = Math.min(Math.max(Number(event.target.value), 1), others.length + 1) - 1;
      list.insertBefore(line, others[place] || null);
      renumber();
      say(line);
    }
  });

  // By pointer: the line goes where the pointer is.
  list.addEventListener("pointerdown", (event) => {
    const handle = event.target.closest(".reports-handle");
    if (!handle) {
      return;
    }
    event.preventDefault();
    const line = handle.closest("li");
    line.classList.add("is-dragged");
    const follow = (move) => {
      const frame = list.getBoundingClientRect();
      if (move.clientY < frame.top + EDGE) {
        list.scrollTop -= EDGE / 2;
      } else if (move.clientY > frame.bottom - EDGE) {
        list.scrollTop += EDGE / 2;
      }
      const over = lines().find((other) => {
        const box = other.getBoundingClientRect();
        return !other.hidden && move.clientY >= box.top && move.clientY < box.bottom;
      });
      if (over && over !== line) {
        const box = over.getBoundingClientRect();
        const isBelow = line.compareDocumentPosition(over) & Node.DOCUMENT_POSITION_FOLLOWING;
        const isPast = isBelow
          ? move.clientY > box.bottom - line.offsetHeight / 2
          : move.clientY < box.top + line.offsetHeight / 2;
        if (isPast) {
          over[isBelow ? "after" : "before"](line);
        }
      }
    };
    const end = () => {
      document.removeEventListener("pointermove", follow);
      line.classList.remove("is-dragged");
      renumber();
      say(line);
    };
    document.addEventListener("pointermove", follow);
    document.addEventListener("pointerup", end, { once: true });
    document.addEventListener("pointercancel", end, { once: true });
  });

  // All and none are for what the search has found.
  part.addEventListener("click", (event) => {
    const which = event.target.dataset.tick;
    if (which) {
      event.preventDefault();
      lines()
        .filter((line) => !line.hidden)
        .forEach((line) => {
          tickOf(line).checked = which === "all";
        });
      tell();
    }
  });

  search.addEventListener("input", () => {
    const wanted = search.value.trim().toLocaleLowerCase();
    lines().forEach((line) => {
      const text = `${nameOf(line)} ${line.dataset.column}`.toLocaleLowerCase();
      line.hidden = !text.includes(wanted);
    });
    tell();
  });
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      event.preventDefault(); // it would send the form
    }
  });

  part.querySelectorAll("[hidden]").forEach((control) => {
    control.hidden = false;
  });
  part.querySelector("[data-plain]").hidden = true;
  tell();
}

// The browser remembers fields of one name by their places, and lines are moved.
const isChoice = (field) => field.name && !["hidden", "password", "submit"].includes(field.type);

function choices() {
  const names = new Set([...form.elements].filter(isChoice).map((field) => field.name));
  return [...new FormData(form)].filter(([name]) => names.has(name));
}

function restore(entries) {
  const values = (name) => entries.filter(([other]) => other === name).map(([, value]) => value);
  for (const field of [...form.elements].filter(isChoice)) {
    const chosen = values(field.name);
    if (["checkbox", "radio"].includes(field.type)) {
      field.checked = chosen.includes(field.value);
    } else if (field.type === "select-multiple") {
      [...field.options].forEach((option) => {
        option.selected = chosen.includes(option.value);
      });
    } else if (chosen.length) {
      [field.value] = chosen;
    }
  }
  const list = part?.querySelector("ol.reports-columns");
  const place = (line) => Number(line.querySelector("input[type=number]").value);
  list?.append(...[...list.children].sort((one, other) => place(one) - place(other)));
}

function storage() {
  try {
    return window.sessionStorage;
  } catch {
    return null; // the person lets no site keep anything
  }
}

function keep() {
  const kept = choices();
  if (form.dataset.address) { // the answer to what was sent cannot be gone back to; a page can
    window.history.replaceState({ choices: kept }, "", form.dataset.address);
  }
  storage()?.setItem(KEPT, JSON.stringify([form.action, kept]));
}

function bringBack() {
  const [action, kept] = JSON.parse(storage()?.getItem(KEPT) || "[]");
  if (window.history.state?.choices) {
    restore(window.history.state.choices);
  } else if (window.location.hash === KEPT && action === form.action) {
    restore(kept);
  }
}

function outlive() {
  const nothing = { timeStamp: -DOUBLE };
  let sent = nothing;
  form.addEventListener("input", () => {
    sent = nothing; // with another choice it is another export
  });
  form.addEventListener("submit", (event) => {
    if (event.submitter === sent.submitter && event.timeStamp - sent.timeStamp < DOUBLE) {
      event.preventDefault();
      return;
    }
    sent = event;
    keep();
  });
  window.addEventListener("pagehide", keep);
}

if (form) {
  bringBack();
  outlive();
}
if (part) {
  setUp();
}
