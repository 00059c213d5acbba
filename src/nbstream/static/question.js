// A card of questions: options to choose from, or a number to give. What is chosen goes to
// Python, which says what is shown; a quiz has its reasons here already, so that it also
// answers while a cell runs.

function questionCard() {
  const saved = (model) => () => model.get("saved");

  function field(unit, choose) {
    const form = make("form", "nbstream-number");
    const input = make("input", "", { type: "number", step: "any", required: true, ariaLabel: "Your guess" });
    form.append(input, make("span", "", { textContent: unit }), make("button", "", { textContent: "This is my guess" }));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      choose(input.valueAsNumber);
    });
    return form;
  }

  function option(label, name, choose) {
    const row = make("label", "nbstream-option");
    const input = make("input", "", { type: "radio", name, value: label });
    input.addEventListener("change", () => choose(label));
    row.append(input, make("span", "", { textContent: label }));
    return { row, input };
  }

  // One question: what it is made of, and how it shows what was chosen.
  function asked({ kind, unit, questions }, at, name, choose) {
    const [question, options] = questions[at];
    const root = make("fieldset", "nbstream-question");
    const number = questions.length > 1 ? `${at + 1}. ` : "";
    const rows = options.map(([label]) => option(label, name, choose));
    const fields = make("div", "");
    fields.append(...(rows.length ? rows.map(({ row }) => row) : [field(unit, choose)]));
    const said = make("p", "nbstream-verdict");
    said.setAttribute("role", "status");
    root.append(make("legend", "", { textContent: number + question }), fields, said);
    return {
      root,
      show(chosen) {
        const has = chosen != null;
        const words = typeof chosen === "number" ? chosen.toLocaleString("en") : chosen;
        const reason = options.find(([label]) => label === chosen)?.[1] ?? "";
        for (const { input } of rows) input.checked = input.value === chosen;
        fields.hidden = has && kind === "prediction";
        said.hidden = !has;
        said.dataset.right = String(reason.startsWith("Right"));
        write(said, !has ? "" : reason || `Your guess: ${`${words} ${unit}`.trim()}. Now run the cell below.`);
      },
    };
  }

  function render({ model, el }) {
    const root = make("div", "nbstream-card");
    const group = `nbstream-${Math.random().toString(36).slice(2)}`;
    const card = model.get("card");
    const parts = card.questions.map((_, at) => asked(card, at, `${group}-${at}`, (chosen) => choose(at, chosen)));
    root.dataset.kind = card.kind;
    // Arrows choose here: JupyterLab would go to the next cell.
    root.addEventListener("keydown", (event) => event.key.startsWith("Arrow") && event.stopPropagation());
    root.append(...parts.map((part) => part.root));
    el.append(root);

    // What a page chooses is shown at once: the kernel may be busy.
    function choose(at, chosen) {
      parts[at].show(chosen);
      model.send({ at, chosen });
    }

    const renew = () => parts.forEach((part, at) => part.show(model.get("card").chosen[at]));
    model.on("change:card", renew);
    renew();
    return () => model.off("change:card", renew);
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
