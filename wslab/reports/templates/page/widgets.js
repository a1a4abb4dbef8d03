// Shows the widgets of a page without a kernel. The scripts that draw them come from the environment that made the page:
// ipywidgets installs them for the classic notebook, so what follows is as much of that notebook as they ask for.
"use strict";
(() => {
  const modules = {};
  let names = {};
  const resolve = (name) => {
    const known = names[name] ?? name;
    if (!(known in modules)) throw new Error(`this page has no module ${name}`);
    return modules[known];
  };
  window.requirejs = window.require = (wanted, then, fail) => {
    let found;
    try { found = wanted.map(resolve); } catch (error) { if (fail) return fail(error); throw error; }
    return then(...found);
  };
  window.requirejs.config = ({ map }) => { names = { ...names, ...map["*"] }; };
  // Each script defines one module without a name; the page gives it one.
  window.widgetModule = (name, script) => script((wanted, make) => {
    modules[name] = make(...wanted.map((each) => (each === "module" ? { id: name, uri: name } : resolve(each))));
  });

  const nothing = () => {};
  const kernel = {
    comm_manager: {
      register_target: nothing,
      new_comm() { throw new Error("this page has no kernel"); },
    },
    comm_info: (_target, told) => told({ content: { comms: {} } }),
    is_connected: () => true,
  };
  kernel.comm_manager.kernel = kernel;
  const actions = { register: nothing };
  const keyboard_manager = { actions, register_events: nothing };
  const events = { on: nothing };
  const menu = document.body.appendChild(document.createElement("ul"));
  menu.hidden = true;
  menu.innerHTML = '<li><a id="help_menu"></a></li>';
  window.Jupyter = {
    version: "6.5.0",
    keyboard_manager,
    notification_area: { widget: nothing },
    menubar: { actions },
    notebook: { kernel, keyboard_manager, events, container: events, metadata: {}, get_cells: () => [] },
  };

  let draw;
  class OutputArea {
    constructor({ selector }) { this.node = selector; this.element = { trigger: nothing }; }
    register_mime_type(_type, append) { draw = append; }
    clear_output() { this.node.replaceChildren(); }
    handle_output(message) { this.fromJSON([message.content]); }
    toJSON() { return []; }
    fromJSON(outputs) {
      for (const output of outputs) {
        const { data = { "text/plain": output.text ?? output.evalue } } = output;
        const node = this.node.appendChild(document.createElement("div"));
        if (data["application/vnd.jupyter.widget-view+json"]) {
          show(node, data["application/vnd.jupyter.widget-view+json"].model_id);
        } else if (data["text/html"]) {
          node.innerHTML = data["text/html"]; // cleaned where the page was made
        } else if (data["image/png"]) {
          const picture = node.appendChild(document.createElement("img"));
          picture.alt = "";
          picture.src = `data:image/png;base64,${data["image/png"]}`;
        } else {
          node.appendChild(document.createElement("pre")).textContent = data["text/plain"];
        }
      }
    }
  }
  Object.assign(modules, {
    "base/js/namespace": window.Jupyter,
    "base/js/events": events,
    "notebook/js/outputarea": { OutputArea },
  });

  const show = (place, model_id) => {
    const stage = { create_output_subarea: () => [place], keyboard_manager, handle_output: nothing, handle_clear_output: nothing };
    draw.call(stage, { model_id }, {}, { append: nothing });
  };
  window.showWidgets = async (state) => {
    await resolve("@jupyter-widgets/base").load_ipython_extension();
    const manager = window.Jupyter.WidgetManager._managers[0];
    await manager.set_state(state);
    for (const place of document.querySelectorAll(".widget")) {
      if (!manager.has_model(place.dataset.model)) continue;
      place.replaceChildren(); // what stands there for readers without scripts
      show(place, place.dataset.model);
    }
  };
})();
