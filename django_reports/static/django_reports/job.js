// Follows one job: asks for its state, shows progress, and reloads the page when it has ended.
// Without this script the page reloads itself.

const SOON = 1000; // milliseconds until the next question
const LATER = 5000; // where nothing changes, or nobody looks
const SPOKEN_EVERY = 25; // percent: a screen reader is told no more often than that

const BROKEN = 500; // from here on an answer is the server's trouble, not this person's

const page = document.querySelector("[data-status-url]");
let etag = null;
let interval = SOON;
let spoken = "";

function field(name) {
  return page.querySelector(`[data-field="${name}"]`);
}

function write(name, text) {
  if (field(name).textContent !== text) {
    field(name).textContent = text;
  }
}

function show(job) {
  const bar = page.querySelector("progress");
  const percent = job.percent === null ? "" : `${job.percent} %`;
  const isRunning = job.status === "running";
  if (job.percent === null) {
    bar.removeAttribute("value");
  } else {
    bar.value = job.percent;
  }
  field("label").className = `reports-badge reports-${job.status}`;
  write("label", job.label);
  write("percent", percent);
  write("progress", job.progress);
  write("pace", job.pace);
  const cancel = page.querySelector("[data-cancel]");
  if (cancel) {
    cancel.disabled = !job.links.cancel; // it is asked for already, in another tab, say
  }
  document.title = `${isRunning && percent ? percent : job.label} · ${page.dataset.report}`;
  speak(job);
}

function speak(job) {
  const step = Math.floor((job.percent || 0) / SPOKEN_EVERY) * SPOKEN_EVERY;
  const milestone = `${job.status} ${step}`;
  if (milestone !== spoken) {
    if (spoken) {
      write("spoken", step && job.is_active ? job.progress : job.label);
    }
    spoken = milestone;
  }
}

async function ask() {
  const headers = { Accept: "application/json" };
  if (etag) {
    headers["If-None-Match"] = etag;
  }
  const response = await fetch(page.dataset.statusUrl, { headers, cache: "no-store" });
  if (response.status === 304) {
    interval = Math.min(interval * 1.5, LATER);
    return true;
  }
  if (response.status >= BROKEN) {
    throw new Error(response.statusText);
  }
  const isJson = (response.headers.get("Content-Type") || "").includes("json");
  if (!response.ok || !isJson) {
    return false; // the session or the right is gone: let the server say so
  }
  etag = response.headers.get("ETag");
  interval = SOON;
  const job = await response.json();
  show(job);
  return job.is_active;
}

async function follow() {
  try {
    if (!(await ask())) {
      window.location.reload();
      return;
    }
  } catch {
    interval = LATER; // the network or the server is away: try again
  }
  window.setTimeout(follow, document.hidden ? LATER : interval);
}

if (page) {
  follow();
}
