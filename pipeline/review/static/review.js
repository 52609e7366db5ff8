// The player and the keys of the screens on which something is heard. Everything that a key does, a button or
// a link does too; answers are plain forms, which htmx sends without loading the page again.
"use strict";

const player = document.getElementById("player");
const card = document.getElementById("card");
const steps = { J: -5, L: 5, ARROWLEFT: -1, ARROWRIGHT: 1 };

if (player && card) {
  const autoplay = document.getElementById("autoplay");
  const keys = document.getElementById("keys");
  const rate = document.getElementById("rate");
  let played = false; // browsers play nothing before somebody pressed something here
  let plays = 0;

  remember(autoplay, "earwitness-autoplay");
  remember(keys, "earwitness-keys");
  new MutationObserver(show).observe(card, { childList: true });
  player.addEventListener("play", () => {
    played = true;
    plays += 1;
    document.getElementById("hint")?.remove();
    const field = card.querySelector("input[name=plays]");
    if (field) field.value = plays;
  });
  player.addEventListener("timeupdate", () => player.paused && follow());
  player.addEventListener("play", follow);
  document.addEventListener("keydown", pressed);
  document.addEventListener("click", clicked);
  show();

  function remember(box, name) {
    const kept = localStorage.getItem(name);
    if (kept !== null) box.checked = kept === "1";
    box.addEventListener("change", () => localStorage.setItem(name, box.checked ? "1" : "0"));
  }

  // A new card is on the page: load its clip, play it if something was played before, have the next one cut.
  function show() {
    const section = card.querySelector(".card");
    const sound = section?.dataset.sound;
    if (sound !== player.getAttribute("src")) {
      plays = 0;
      if (sound) {
        const speed = player.playbackRate;
        player.src = sound;
        player.defaultPlaybackRate = speed;
        player.playbackRate = speed;
        if (played && autoplay.checked) player.play().catch(() => hint(section));
        else if (!played) hint(section);
      } else {
        player.removeAttribute("src");
        player.load();
      }
      document.getElementById("player-box").hidden = !sound;
    }
    const next = section?.dataset.prepare;
    if (next) fetch(next).catch(() => {});
  }

  function hint(section) {
    if (!section || document.getElementById("hint")) return;
    const text = document.createElement("p");
    text.id = "hint";
    text.className = "small hint";
    text.append("Press ", Object.assign(document.createElement("kbd"), { textContent: "Space" }), " to hear the clip.");
    document.getElementById("player-box").append(text);
  }

  function pressed(event) {
    if (!keys.checked || event.ctrlKey || event.metaKey || event.altKey) {
      if (event.key === "Enter" && event.ctrlKey && event.target.id === "note") event.target.blur();
      return;
    }
    const at = event.target;
    if (document.querySelector("dialog[open]")) return;
    if (at.matches("input:not([type=checkbox]):not([type=radio]), select, textarea")) {
      if (event.key === "Escape") at.blur();
      if (event.key === "Enter" && at.id === "note") { event.preventDefault(); at.blur(); }
      return;
    }
    // The space bar presses what has the focus, as everywhere.
    if (event.key === " " && at.matches("button, a, summary, input, audio")) return;
    let key = event.key === " " ? "K" : event.key.toUpperCase();
    if (key === "Z" || key === "BACKSPACE") key = "Backspace";
    if (act(key)) event.preventDefault();
  }

  // The line at the playhead; a click on the lanes moves it.
  function follow() {
    const line = document.getElementById("playhead");
    const length = Number(line?.closest("svg").dataset.length);
    if (!length) return;
    const x = `${Math.min(100, (100 * player.currentTime) / length)}%`;
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
    if (!player.paused) requestAnimationFrame(follow);
  }

  function clicked(event) {
    const lanes = event.target.closest("svg.times");
    if (lanes) {
      const place = lanes.getBoundingClientRect();
      player.currentTime = ((event.clientX - place.left) / place.width) * Number(lanes.dataset.length);
      return follow();
    }
    const button = event.target.closest(".controls [data-key]");
    if (button) act(button.dataset.key);
  }

  // Do what a key stands for; says whether it stands for anything.
  function act(key) {
    if (key === "K") player.paused ? player.play().catch(() => {}) : player.pause();
    else if (key in steps) player.currentTime = Math.max(0, player.currentTime + steps[key]);
    else if (key === "R") { player.currentTime = 0; player.play().catch(() => {}); }
    else if (key === "[" || key === "]") {
      player.playbackRate = Math.min(3, Math.max(0.5, player.playbackRate + (key === "]" ? 0.25 : -0.25)));
      rate.textContent = `${player.playbackRate}×`;
    }
    else if (key === "?") document.getElementById("help").showModal();
    else if (key === "N") document.getElementById("note")?.focus();
    else {
      const found = [...document.querySelectorAll("#card [data-key]")].find((one) => one.dataset.key === key);
      if (!found || found.disabled) return false;
      found.click();
    }
    return true;
  }
}
