"use strict";
// Walks along the points of the front. All text comes spelt from the data block; nothing is computed here.
(() => {
  const get = (id) => document.getElementById(id);
  const points = JSON.parse(get("front-data").textContent);
  const slider = get("slider");
  const write = (leaves, texts) => leaves.forEach((leaf, k) => { leaf.textContent = texts[k]; });

  const rows = (id, list, fill) => {
    const blank = get(id + "-row").content.firstElementChild;
    get(id).replaceChildren(...list.map((texts) => {
      const row = blank.cloneNode(true);
      fill(row, texts);
      return row;
    }));
  };

  const show = (k) => {
    const point = points[k];
    slider.value = k;
    slider.setAttribute("aria-valuetext", point.name + ": " + point.said);
    get("said").textContent = point.short;
    document.querySelectorAll(".point-name").forEach((place) => { place.textContent = point.name; });
    write(document.querySelectorAll(".now"), point.figures);
    document.querySelectorAll(".plot .here").forEach((circle, j) => {
      circle.setAttribute("cx", point.at[j][0] + "%");
      circle.setAttribute("cy", point.at[j][1]);
    });
    rows("weights", point.weights, (row, texts) => {
      write(row.querySelectorAll("th, td.n"), texts);
      row.querySelector("rect").setAttribute("width", texts[2]);
    });
    rows("orders", point.orders, (row, texts) => {
      write(row.querySelectorAll("span, td"), texts);
      row.querySelector("span").classList.add(texts[0]);
    });
    get("orders-table").hidden = !point.orders.length;
    get("no-orders").hidden = point.orders.length > 0;
    rows("binding", point.binding, (row, text) => { row.textContent = text; });
    get("no-binding").hidden = point.binding.length > 0;
    document.querySelectorAll("[data-at]").forEach((button) => {
      button.setAttribute("aria-pressed", String(Number(button.dataset.at) === k));
    });
  };

  let later;
  const tell = (k) => {  // once the hand rests, so that a screen reader hears one sentence, not forty
    clearTimeout(later);
    later = setTimeout(() => { get("told").textContent = points[k].more; }, 400);
  };
  const go = (k) => { show(k); tell(k); };

  slider.addEventListener("input", () => go(Number(slider.value)));
  document.querySelectorAll("[data-at]").forEach((button) => {
    button.addEventListener("click", () => go(Number(button.dataset.at)));
  });

  const list = get("all-points");
  list.open = false;
  addEventListener("beforeprint", () => { list.open = true; });
  document.querySelectorAll("[data-script]").forEach((part) => { part.hidden = false; });
  document.querySelectorAll(".plot .here").forEach((circle) => circle.removeAttribute("visibility"));
  show(Number(slider.value));
})();
