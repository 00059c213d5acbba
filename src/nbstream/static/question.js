// A card of questions: options to choose from, or a number to give. What is chosen goes to
// Python, which says what is shown; a quiz has its reasons here already, so that it also
// answers while a cell runs.

const LOCKED = "Run the cell below.";

function questionCard() {
  const saved = (model) => () => model.get("saved");

  function field(model, at, name, unit) {
    const form = make("form", "nbstream-number");
    const input = make("input", "", { type: "number", step: "any", required: true, name, ariaLabel: "Your guess" });
    form.append(input, make("span", "", { textContent: unit }), make("button", "", { textContent: "This is my guess" }));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (input.value !== "") model.send({ at, chosen: input.valueAsNumber });
    });
    return form;
  }

  function option(model, at, name, label, chosen, choose) {
    const row = make("label", "nbstream-option");
    const input = make("input", "", { type: "radio", name, value: label, checked: label === chosen });
    input.addEventListener("change", () => choose(at, label));
    row.append(input, make("span", "", { textContent: label }));
    return row;
  }

  function render({ model, el }) {
    const root = make("div", "nbstream-card");
    const group = `nbstream-${Math.random().toString(36).slice(2)}`;
    el.append(root);
    let local = [];

    const choose = (at, label) => {
      local[at] = label;
      model.send({ at, chosen: label });
      paint();
    };

    function asked(card, [question, options], at) {
      const chosen = local[at] ?? card.chosen[at];
      const part = make("fieldset", "nbstream-question");
      const number = card.questions.length > 1 ? `${at + 1}. ` : "";
      part.append(make("legend", "", { textContent: number + question }));
      const isDone = card.kind === "prediction" && chosen != null;
      const name = `${group}-${at}`;
      if (isDone) {
        const words = typeof chosen === "number" ? chosen.toLocaleString("en") : chosen;
        part.append(make("p", "nbstream-said", { textContent: `Your guess: ${`${words} ${card.unit}`.trim()}. ${LOCKED}` }));
      } else if (options.length) {
        part.append(...options.map(([label]) => option(model, at, name, label, chosen, choose)));
      } else part.append(field(model, at, name, card.unit));
      const reason = options.find(([label]) => label === chosen)?.[1];
      const said = make("p", "nbstream-reason", { textContent: reason ?? "" });
      said.setAttribute("role", "status");
      said.dataset.right = String(Boolean(reason?.startsWith("Right")));
      if (card.kind === "quiz") part.append(said);
      return part;
    }

    function paint() {
      const card = model.get("card");
      const { value } = document.activeElement ?? {};
      const had = root.contains(document.activeElement);
      root.dataset.kind = card.kind;
      root.replaceChildren(...card.questions.map((each, at) => asked(card, each, at)));
      if (had) [...root.querySelectorAll("input")].find((each) => each.value === value)?.focus();
    }

    const renewed = () => {
      local = [];
      paint();
    };
    model.on("change:card", renewed);
    paint();
    return () => model.off("change:card", renewed);
  }

  return {
    initialize({ model }) {
      const { panel } = model.get("saved").metadata.nbstream;
      saveAsOutput(model, panel, saved(model));
      restoreWidget(model, panel);
    },
    render,
  };
}
