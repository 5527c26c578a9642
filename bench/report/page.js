"use strict";
(() => {
  const tip = document.getElementById("tip");
  const root = document.documentElement;

  const show = (text, x, y) => {
    tip.textContent = text;
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = Math.max(4, Math.min(x + 12, innerWidth - box.width - 4)) + "px";
    tip.style.top = (y + 16 + box.height < innerHeight ? y + 16 : Math.max(4, y - box.height - 12)) + "px";
  };
  const hide = () => { tip.hidden = true; };

  document.getElementById("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  const copied = (button) => {
    const before = button.textContent;
    button.textContent = "copied";
    setTimeout(() => { button.textContent = before; }, 1200);
  };
  // Where there is no clipboard (a page over plain HTTP), the command is selected instead.
  const copyByHand = (text) => {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.copy");
    if (!button) return;
    const text = button.dataset.copy;
    if (navigator.clipboard) {
      navigator.clipboard.writeText(text).then(() => copied(button), () => { if (copyByHand(text)) copied(button); });
    } else if (copyByHand(text)) {
      copied(button);
    }
  });

  const filter = document.getElementById("filter");
  const rows = [...document.querySelectorAll("#table tbody tr")];
  if (filter) {
    filter.addEventListener("input", () => {
      const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const text = (row.dataset.row + " " + row.dataset.word).toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        shown += row.hidden ? 0 : 1;
      }
      document.getElementById("shown").textContent = words.length ? shown + " of " + rows.length + " rows" : "";
    });
  }

  for (const chart of document.querySelectorAll("svg.history")) {
    const runs = [...chart.querySelectorAll("circle.run")];
    // The pointer's tip takes the place of the browser's own.
    for (const run of runs) {
      const title = run.querySelector("title");
      run.dataset.tip = title.textContent;
      title.remove();
    }
    let here = -1;
    const go = (index, x, y) => {
      if (here >= 0) runs[here].classList.remove("here");
      here = index;
      if (here < 0) { hide(); return; }
      runs[here].classList.add("here");
      const box = runs[here].getBoundingClientRect();
      show(runs[here].dataset.tip, x ?? box.right, y ?? box.bottom);
    };
    chart.addEventListener("pointermove", (event) => {
      let nearest = -1;
      let distance = Infinity;
      runs.forEach((run, index) => {
        const box = run.getBoundingClientRect();
        const away = Math.abs(box.left + box.width / 2 - event.clientX);
        if (away < distance) { distance = away; nearest = index; }
      });
      go(nearest, event.clientX, event.clientY);
    });
    chart.addEventListener("pointerleave", () => go(-1));
    chart.addEventListener("blur", () => go(-1));
    chart.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
      if (event.key === "Escape") { go(-1); return; }
      if (!(event.key in steps) || runs.length === 0) return;
      event.preventDefault();
      go(Math.max(0, Math.min(runs.length - 1, here + steps[event.key])));
    });
  }

  // A link to a picture that is folded away opens it.
  const unfold = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target instanceof HTMLDetailsElement) target.open = true;
  };
  addEventListener("hashchange", unfold);
  unfold();

  const save = document.getElementById("save");
  if (save) {
    save.addEventListener("click", () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([document.getElementById("data").textContent], { type: "application/json" }));
      link.download = "compare.json";
      link.click();
      URL.revokeObjectURL(link.href);
    });
  }
})();
