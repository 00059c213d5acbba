// What of a panel is saved: the conversation as a static output, and no widget.
//
// While the kernel lives, the output is a widget; in a file it would be a dead one. So
// in JupyterLab and Notebook 7 the notebook writes the conversation in its place, and a
// page that is loaded while the kernel still lives puts the widget back. Other front
// ends save the widget with the conversation beside it, which Python keeps up to date.

const VIEW = "application/vnd.jupyter.widget-view+json";
const PANELS = Symbol.for("nbstream.kept");

/** Let the notebook save what `saved()` returns where `id` stands; say if it can. */
function saveAsOutput(model, id, saved) {
  const notebook = model.widget_manager?.context?.model;
  if (!id || typeof notebook?.toJSON !== "function" || !notebook.cells) return false;
  if (!notebook[PANELS]) {
    const toJSON = notebook.toJSON;
    notebook[PANELS] = new Map();
    notebook.toJSON = function () {
      const whole = toJSON.call(this);
      return { ...whole, cells: whole.cells.map((cell) => withSavedOutput(cell, notebook[PANELS])) };
    };
  }
  notebook[PANELS].set(id, saved);
  return true;
}

function withSavedOutput(cell, panels) {
  if (!Array.isArray(cell.outputs)) return cell;
  const outputs = cell.outputs.map((output) => {
    const saved = panels.get(output.data?.[VIEW]?.model_id)?.();
    return saved ? { ...output, data: saved.data, metadata: saved.metadata } : output;
  });
  return { ...cell, outputs };
}

/** Put the widget back where the file had the conversation. */
function restoreWidget(model, id) {
  const notebook = model.widget_manager?.context?.model;
  const { dirty } = notebook ?? {};
  for (const { outputs } of notebook?.cells ?? [])
    for (let at = 0; at < (outputs?.length ?? 0); at++) {
      const { data, metadata } = outputs.get(at);
      if (metadata?.nbstream?.panel !== id || data[VIEW]) continue;
      const view = { version_major: 2, version_minor: 0, model_id: id };
      const more = { data: { ...data, [VIEW]: view }, metadata };
      outputs.set(at, { output_type: "display_data", ...more });
    }
  if (dirty === false) notebook.dirty = false; // nothing that is saved has changed
}
