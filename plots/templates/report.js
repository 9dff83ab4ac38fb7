"use strict";
(() => {
  const list = document.getElementById("cards");
  if (!list) return;
  const byId = (id) => document.getElementById(id);
  const cards = JSON.parse(byId("facts").textContent).map((facts, number) => {
    const node = byId("card-" + number);
    return { facts, node, number, text: node.textContent.toLowerCase(), columns: [...node.querySelectorAll(".column")] };
  });
  const names = ["search", "model", "condition", "kind", "parsed", "slice", "sort"];
  const controls = Object.fromEntries(names.map((name) => [name, byId(name)]).filter(([, node]) => node));
  const wanted = (name) => (controls[name] ? controls[name].value : "");

  const of = (values, model) => {
    const known = (model === "" ? Object.values(values) : [values[model]]).filter((value) => typeof value === "number");
    return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
  };
  const measures = {
    error: (card, model) => of(card.facts.errors, model),
    reward: (card, model) => of(card.facts.rewards, model),
    difference: (card) => card.facts.difference,
    seed: (card) => card.facts.seed,
    step: (card) => card.facts.step,
  };

  const matches = (card, model) => {
    const facts = card.facts;
    if (model !== "" && !(model in facts.errors)) return false;
    if (wanted("condition") && facts.condition !== wanted("condition")) return false;
    if (wanted("kind") && facts.kind !== wanted("kind")) return false;
    if (wanted("slice") && !facts.slices.includes(wanted("slice"))) return false;
    const parsed = model === "" ? Object.values(facts.parsed).flat() : facts.parsed[model];
    if (wanted("parsed") && !parsed.includes(wanted("parsed"))) return false;
    return card.text.includes(wanted("search").trim().toLowerCase());
  };

  const sorted = (model) => {
    const [name, way] = wanted("sort").split("-");
    if (!name) return cards;
    const sign = way === "down" ? -1 : 1;
    const value = new Map(cards.map((card) => [card, measures[name](card, model)]));
    return [...cards].sort((a, b) => {
      const [x, y] = [value.get(a), value.get(b)];
      if (x === null || y === null) return (x === null) - (y === null) || a.number - b.number;
      return sign * (x - y) || a.number - b.number;
    });
  };

  const apply = () => {
    const model = wanted("model");
    let shown = 0;
    for (const card of cards) {
      card.node.hidden = !matches(card, model);
      shown += !card.node.hidden;
      for (const column of card.columns) column.hidden = model !== "" && column.dataset.model !== model;
    }
    list.append(...sorted(model).map((card) => card.node));
    byId("count").textContent = shown + " of " + cards.length + " problems";
    byId("none").hidden = shown > 0;
  };

  for (const control of Object.values(controls)) {
    control.addEventListener(control.type === "search" ? "input" : "change", apply);
  }
  byId("reset").addEventListener("click", () => {
    for (const control of Object.values(controls)) control.value = "";
    apply();
  });
  byId("tools").hidden = false;
  apply();
})();
