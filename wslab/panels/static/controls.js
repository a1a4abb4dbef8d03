// The controls, in the browser's own elements: each has a label and a unit, and says its bound before anything is sent.

// A unit in parentheses is none: what has one is a quantity, and a port or a close code is written without groups.
const bounds = (told) => {
  const written = (value) => value.toLocaleString("en", { useGrouping: !told.unit.startsWith("(") });
  return `${written(told.low)} to ${written(told.high)} ${told.unit}`;
};

const BYTES = { "": 1, b: 1, byte: 1, bytes: 1, kb: 1e3, mb: 1e6, gb: 1e9, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30 };

// A number as people type it and as the kit prints it: 65536, 65,536, 65 536, 64 KiB, 1.5 s. NaN if it is none.
const parsed = (told, text) => {
  const typed = text.normalize("NFKC").trim(); // full-width digits too
  if (typed === "") return null;
  const [, digits, unit] = typed.match(/^([-+]?[\d.,_\s]*\d\.?(?:e[-+]?\d+)?)\s*(.*)$/i) ?? [];
  if (digits === undefined) return NaN;
  const times = told.unit === "bytes" ? BYTES[unit.toLowerCase()] : unit === "" || unit === told.unit ? 1 : NaN;
  return Number(digits.replace(/[,_\s](?=\d{3}(?!\d))/g, "")) * (times ?? NaN);
};

// Why a typed text is no value of this number; "" if it is one.
const objection = (told, text) => {
  const value = parsed(told, text);
  if (value === null) return told.optional ? "" : `must be a number from ${bounds(told)}`;
  if (Number.isNaN(value)) return `“${text}” is not a number from ${bounds(told)}`;
  if (told.whole && !Number.isInteger(value)) return `must be a whole number from ${bounds(told)}`;
  return value < told.low || value > told.high ? `must be ${bounds(told)}` : "";
};

const SLIDER_STEPS = 1000;

// Between a value and a slider's position, 0 to SLIDER_STEPS.
const scaleOf = (told) => {
  const low = told.logarithmic ? Math.log2(Math.max(told.low, 1)) : told.low;
  const high = told.logarithmic ? Math.log2(told.high) : told.high;
  return {
    place: (value) => {
      const at = told.logarithmic ? Math.log2(Math.max(value, 1)) : value;
      return (SLIDER_STEPS * (at - low)) / (high - low);
    },
    value: (place) => {
      const at = low + ((high - low) * place) / SLIDER_STEPS;
      const value = told.logarithmic ? 2 ** at : at;
      return told.whole ? Math.round(value) : Number(value.toPrecision(3));
    },
  };
};

const CONTROLS = {
  number(told, panel, id) {
    const complaint = make("span", { className: "wslab-complaint", id: `${id}-complaint` });
    const hint = make("span", { className: "wslab-hint", id: `${id}-hint`, textContent: told.hint });
    const field = make("input", {
      id,
      type: "text",
      inputMode: told.whole ? "numeric" : "decimal",
      placeholder: told.optional ? told.none : "",
      "aria-describedby": `${id}-complaint ${id}-hint`,
      "aria-label": `${told.label} (${told.unit})`,
    });
    const scale = scaleOf(told);
    const slider = make("input", {
      type: "range",
      min: 0,
      max: SLIDER_STEPS,
      step: told.logarithmic ? 1 : (SLIDER_STEPS * (told.whole ? 1 : 0.1)) / (told.high - told.low),
      "aria-label": `${told.label} (${told.unit})`,
    });
    const mark = make("span", { className: "wslab-mark", title: "the limit" });
    const complain = (words) => {
      complaint.textContent = words;
      field.setAttribute("aria-invalid", words !== "");
    };
    const set = (value) => panel.turn(told.name, value);
    let shown; // so that another control's change leaves alone what is being typed here
    field.addEventListener("input", () => complain(objection(told, field.value)));
    const settle = () => {
      if (objection(told, field.value) !== "") return;
      const value = parsed(told, field.value);
      field.value = value ?? "";
      set(value);
    };
    field.addEventListener("change", settle);
    field.addEventListener("keydown", ({ key }) => key === "Enter" && settle());
    slider.addEventListener("input", () => {
      field.value = scale.value(Number(slider.value));
      slider.setAttribute("aria-valuetext", `${field.value} ${told.unit}`);
      complain("");
    });
    slider.addEventListener("change", () => set(scale.value(Number(slider.value))));
    const steps = told.steps.map((step) =>
      make("button", {
        type: "button",
        textContent: step.label,
        "aria-label": `${told.label}: ${step.label}`,
        onclick: () => {
          const from = step.of ? panel.values()[step.of] : panel.values()[told.name];
          if (from === null) return complain("there is no limit to go to");
          const value = Math.max(told.low, from * step.times + step.plus);
          const words = objection(told, `${value}`);
          complain(words);
          if (words !== "") return;
          field.value = value; // at once: a button that is pressed next sends what the field shows
          set(value);
        },
      }),
    );
    const row = make("div", { className: "wslab-number" }, field, make("span", { textContent: told.unit }));
    const parts = [make("label", { htmlFor: id, textContent: told.label }), row];
    if (told.slider) parts.push(make("div", { className: "wslab-slider" }, slider, mark));
    if (steps.length) parts.push(make("div", { className: "wslab-steps" }, ...steps));
    return {
      element: make("div", { className: "wslab-control" }, ...parts, complaint, hint),
      objection: () => objection(told, field.value),
      pending: () => parsed(told, field.value), // typed, perhaps not yet left
      show(values) {
        const value = values[told.name];
        if (value !== shown) {
          shown = value;
          field.value = value ?? "";
          slider.value = scale.place(value ?? told.high);
          slider.setAttribute("aria-valuetext", `${value ?? told.none} ${told.unit}`);
          complain("");
        }
        const limit = told.mark && values[told.mark];
        const place = limit ? scale.place(limit) : NaN;
        mark.hidden = !(place >= 0 && place <= SLIDER_STEPS); // a limit beyond the slider has no place on it
        if (!mark.hidden) mark.style.left = `${place / (SLIDER_STEPS / 100)}%`;
      },
    };
  },

  choice(told, panel, id) {
    if (told.listed) {
      const options = Object.entries(told.options).map(([value, words]) => make("option", { value, textContent: words }));
      const list = make("select", { id, onchange: () => panel.turn(told.name, list.value) }, ...options);
      const label = make("label", { htmlFor: id, textContent: told.label });
      return {
        element: make("div", { className: "wslab-control" }, label, list),
        objection: () => "",
        pending: () => list.value,
        show: (values) => (list.value = values[told.name]),
      };
    }
    const radios = Object.entries(told.options).map(([value, words]) => {
      const radio = make("input", { type: "radio", name: id, value, onchange: () => panel.turn(told.name, value) });
      return { radio, element: make("label", {}, radio, make("span", { textContent: words })) };
    });
    const legend = make("legend", { textContent: told.label });
    const row = make("div", { className: "wslab-choice" }, ...radios.map(({ element }) => element));
    return {
      element: make("fieldset", { className: "wslab-control" }, legend, row),
      objection: () => "",
      pending: () => radios.find(({ radio }) => radio.checked)?.radio.value,
      show: (values) => radios.forEach(({ radio }) => (radio.checked = radio.value === values[told.name])),
    };
  },

  several(told, panel, id) {
    const chosen = () => boxes.filter(({ box }) => box.checked).map(({ box }) => box.value);
    const boxes = Object.entries(told.options).map(([value, words]) => {
      const box = make("input", { type: "checkbox", name: id, value, onchange: () => panel.turn(told.name, chosen()) });
      return { box, element: make("label", {}, box, make("span", { textContent: words })) };
    });
    const legend = make("legend", { textContent: told.label });
    const row = make("div", { className: "wslab-several" }, ...boxes.map(({ element }) => element));
    const show = (chosen) => {
      const full = told.at_most !== null && chosen.length >= told.at_most;
      for (const { box } of boxes) {
        box.checked = chosen.includes(box.value);
        box.disabled = full && !box.checked;
      }
    };
    return {
      element: make("fieldset", { className: "wslab-control" }, legend, row),
      objection: () => "",
      pending: chosen,
      show: (values) => show(values[told.name]),
    };
  },

  flag(told, panel, id) {
    const box = make("input", { id, type: "checkbox", onchange: () => panel.turn(told.name, box.checked) });
    const label = make("label", { className: "wslab-flag" }, box, make("span", { textContent: told.label }));
    return {
      element: make("div", { className: "wslab-control" }, label),
      objection: () => "",
      pending: () => box.checked,
      show: (values) => (box.checked = values[told.name]),
    };
  },
};

CONTROLS.words = (told, panel, id) => {
  const field = make("input", { id, type: "text", className: "wslab-words", placeholder: told.none, "aria-describedby": `${id}-hint` });
  const settle = () => panel.turn(told.name, field.value.trim());
  field.addEventListener("change", settle);
  field.addEventListener("keydown", ({ key }) => key === "Enter" && settle());
  let shown;
  return {
    element: make(
      "div",
      { className: "wslab-control" },
      make("label", { htmlFor: id, textContent: told.label }),
      field,
      make("span", { className: "wslab-hint", id: `${id}-hint`, textContent: told.hint }),
    ),
    objection: () => "",
    pending: () => field.value.trim(),
    show(values) {
      if (values[told.name] !== shown) field.value = shown = values[told.name];
    },
  };
};

// A page may hold several panels, each with a copy of this module: only chance gives every field an id of its own.
const newControl = (told, panel) => CONTROLS[told.kind](told, panel, `wslab-${told.name}-${Math.random().toString(36).slice(2)}`);
