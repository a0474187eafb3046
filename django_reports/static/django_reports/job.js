// Follows one job: asks for its state, shows progress, and reloads the page when it has ended.
// Without this script the page reloads itself.

const INTERVAL = 1000; // milliseconds
const page = document.querySelector("[data-status-url]");

function field(name) {
  return page.querySelector(`[data-field="${name}"]`);
}

function show(job) {
  const bar = page.querySelector("progress");
  field("label").textContent = job.label;
  if (job.percent === null) {
    bar.removeAttribute("value");
  } else {
    bar.value = job.percent;
    field("percent").textContent = `${job.percent} %`;
  }
  if (field("progress").textContent !== job.progress) {
    field("progress").textContent = job.progress;
  }
}

async function follow() {
  try {
    const response = await fetch(page.dataset.statusUrl, {
      headers: { Accept: "application/json" },
    });
    const isJson = (response.headers.get("Content-Type") || "").includes("json");
    if (!response.ok || !isJson) {
      window.location.reload(); // the session or the right is gone: let the server say so
      return;
    }
    const job = await response.json();
    show(job);
    if (!job.is_active) {
      window.location.reload();
      return;
    }
  } catch {
    // The network is away: try again.
  }
  window.setTimeout(follow, INTERVAL);
}

if (page) {
  follow();
}
