"use strict";
// A page without this script is read whole; it adds playing from a word, the word that is heard, and finding.
(() => {
  const sound = document.getElementById("sound");
  const words = [...document.querySelectorAll(".said span[data-t]")];
  const starts = words.map((word) => Number(word.dataset.t));
  const timeline = document.querySelector(".timeline");
  const length = Number(timeline.dataset.length) || 1;
  const playhead = document.getElementById("playhead");
  const lines = document.getElementById("lines");
  const follow = document.getElementById("follow");
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let now = null;
  document.documentElement.classList.add("js");

  const lastBefore = (at) => {
    let low = 0, high = starts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (starts[middle] <= at) low = middle + 1; else high = middle;
    }
    return low - 1;
  };
  const order = starts.map((_, at) => at).sort((a, b) => starts[a] - starts[b]);
  const inOrder = order.map((at) => words[at]);
  starts.sort((a, b) => a - b);

  const show = (at) => {
    const share = `${100 * Math.min(at, length) / length}%`;
    playhead.setAttribute("x1", share);
    playhead.setAttribute("x2", share);
    timeline.classList.add("playing");
    const place = lastBefore(at + 0.01);
    const word = place < 0 ? null : inOrder[place];
    if (word === now) return;
    if (now) now.classList.remove("now");
    now = word;
    if (!word) return;
    word.classList.add("now");
    if (follow && follow.checked) {
      const box = lines.getBoundingClientRect(), here = word.getBoundingClientRect();
      if (here.top < box.top || here.bottom > box.bottom) {
        lines.scrollBy({ top: here.top - box.top - box.height / 3, behavior: still.matches ? "auto" : "smooth" });
      }
    }
  };
  const go = (at, play) => {
    show(at);
    if (!sound) return;
    sound.currentTime = at;
    if (play) sound.play().catch(() => {});
  };
  const fromHash = (play) => {
    const found = /^#t=(\d+(?:\.\d+)?)$/.exec(location.hash);
    if (!found) return;
    const at = Number(found[1]);
    if (!sound || sound.readyState > 0) go(at, play);
    else sound.addEventListener("loadedmetadata", () => go(at, play), { once: true });
  };

  document.addEventListener("click", (event) => {
    const at = event.target.closest("[data-t]");
    if (at) { go(Number(at.dataset.t), true); return; }
    const link = event.target.closest('a[href^="#t="]');
    if (!link) return;
    event.preventDefault();
    history.replaceState(null, "", link.getAttribute("href"));
    fromHash(true);
  });
  addEventListener("hashchange", () => fromHash(true));
  if (sound) {
    sound.addEventListener("timeupdate", () => show(sound.currentTime));
    sound.addEventListener("seeked", () => show(sound.currentTime));
    document.addEventListener("keydown", (event) => {
      if (event.target.closest("input, audio, a, summary, button") || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === " ") { event.preventDefault(); if (sound.paused) sound.play().catch(() => {}); else sound.pause(); }
      if (event.key === "ArrowLeft") sound.currentTime = Math.max(0, sound.currentTime - 5);
      if (event.key === "ArrowRight") sound.currentTime += 5;
    });
  }

  const find = document.getElementById("find"), count = document.getElementById("count");
  const plain = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}' [\]]/gu, "");
  find.addEventListener("input", () => {
    const wanted = plain(find.value).split(" ").filter(Boolean);
    words.forEach((word) => word.classList.remove("hit"));
    let hits = 0, first = null;
    if (wanted.length) {
      words.forEach((_, at) => {
        const run = words.slice(at, at + wanted.length);
        const last = wanted.length - 1;
        const fits = run.length === wanted.length && run.every((word, i) => i < last
          ? plain(word.textContent) === wanted[i] : plain(word.textContent).startsWith(wanted[i]));
        if (!fits) return;
        run.forEach((word) => word.classList.add("hit"));
        hits += 1;
        first = first || run[0];
      });
    }
    count.textContent = wanted.length ? `${hits} found` : "";
    if (first) first.scrollIntoView({ block: "nearest" });
  });
  fromHash(false);
})();
