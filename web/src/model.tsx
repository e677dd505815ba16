// The model page, live: the server's charts give way to uPlot, and figures, progress and samples follow the training.
import { effect } from "@preact/signals";
import uPlot from "uplot";
import { count, t } from "./i18n";
import { model, type Model, type Sample } from "./live";
import { fetchPage, say } from "./page";

type Series = [number[], number[]];

// The style sheet's colours are light-dark() pairs; an element's computed colour is what they come to now.
function colour(name: string): string {
    const probe = document.createElement("span");
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    const value = getComputedStyle(probe).color;
    probe.remove();
    return value;
}

function make(place: HTMLElement, title: string, data: Series, mark?: number): uPlot {
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") } };
    const line: uPlot.Options["hooks"] = {
        draw: [
            (u) => {
                if (mark === undefined) return;
                const y = u.valToPos(mark, "y", true);
                u.ctx.strokeStyle = colour("--mark");
                u.ctx.setLineDash([6, 5]);
                u.ctx.beginPath();
                u.ctx.moveTo(u.bbox.left, y);
                u.ctx.lineTo(u.bbox.left + u.bbox.width, y);
                u.ctx.stroke();
                u.ctx.setLineDash([]);
                u.ctx.fillStyle = colour("--mark");
                u.ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
                u.ctx.textAlign = "right";
                u.ctx.fillText("xz -9e", u.bbox.left + u.bbox.width, y - 5 * devicePixelRatio);
            },
        ],
    };
    return new uPlot(
        {
            width: Math.max(240, place.clientWidth),
            height: 240,
            scales: {
                x: { time: false },
                y: { range: (_u, min, max) => [Math.min(min, mark ?? min) * 0.98, Math.max(max, mark ?? max) * 1.02] },
            },
            axes: [
                { ...axis, values: (_u, v) => v.map((x) => count(x)) },
                { ...axis, size: 56 },
            ],
            series: [
                { label: t("step") },
                { label: title, stroke: colour("--accent"), width: 2, points: { show: data[0].length < 30 }, value: (_u, v) => v?.toFixed(3) ?? "–" },
            ],
            cursor: { y: false },
            hooks: line,
        },
        data,
        place,
    );
}

class Chart {
    private plot: uPlot | null = null;
    private data: Series = [[], []];
    private mark: number | undefined;
    private value: HTMLElement;
    private place: HTMLElement;

    constructor(root: HTMLElement, private title: string) {
        const figure = document.createElement("figure");
        figure.className = "chart";
        const caption = document.createElement("figcaption");
        caption.textContent = `${title} `;
        this.value = document.createElement("b");
        caption.append(this.value);
        this.place = document.createElement("div");
        this.place.className = "small";
        figure.append(caption, this.place);
        root.append(figure);
        new ResizeObserver(() => this.plot?.setSize({ width: Math.max(240, this.place.clientWidth), height: 240 })).observe(this.place);
    }

    show(data: Series, mark?: number): void {
        this.data = data;
        const last = data[1].at(-1);
        this.value.textContent = last === undefined ? "" : last.toFixed(3);
        this.place.setAttribute("role", "img"); // a canvas says nothing by itself
        this.place.setAttribute("aria-label", `${this.title}: ${this.value.textContent}`);
        if (data[0].length < 2) {
            if (!this.place.firstChild) this.place.append(document.createTextNode(t("one_point")));
            return;
        }
        if (this.plot && mark === this.mark) this.plot.setData(data);
        else {
            this.mark = mark;
            this.redraw();
        }
    }

    redraw(): void {
        this.plot?.destroy();
        if (this.data[0].length >= 2) this.place.replaceChildren();
        this.plot = this.data[0].length < 2 ? null : make(this.place, this.title, this.data, this.mark);
    }
}

function series(rows: readonly object[] | undefined, key: string): Series {
    const out: Series = [[], []];
    for (const row of (rows ?? []) as Record<string, number>[]) {
        const x = row.step, y = row[key];
        if (typeof x === "number" && typeof y === "number") {
            out[0].push(x);
            out[1].push(y);
        }
    }
    return out;
}

function figure(id: string, words: string | undefined): void {
    const place = document.querySelector(`#${id} dd`);
    if (place && words) place.textContent = words;
}

function showStatus(m: Model): void {
    const place = document.querySelector<HTMLElement>("#status");
    if (!place) return;
    const bar = place.querySelector("progress");
    if (bar && m.progress) {
        bar.max = m.progress.total;
        bar.value = m.progress.done;
        const words = bar.nextElementSibling;
        if (words) words.textContent = `${count(m.progress.done)} / ${count(m.progress.total)} ${m.progress.unit}`;
    }
}

function showSamples(m: Model): void {
    const place = document.querySelector("#samples");
    const all = m.training?.samples ?? [];
    const stepOf = (s: Sample | string | undefined) => (typeof s === "string" ? undefined : s?.step);
    // All of the latest step; of each step before it the first: as the server's page has it.
    const samples = all.filter((s, i) => stepOf(s) === stepOf(all.at(-1)) || i === 0 || stepOf(all[i - 1]) !== stepOf(s)).reverse();
    if (!place || !samples.length) return;
    place.replaceChildren(
        ...samples.map((s) => {
            const item = document.createElement("li");
            const step = document.createElement("span");
            step.className = "small";
            step.textContent = typeof s === "string" || s.step === undefined ? "" : `${t("step")} ${count(s.step)}`;
            const text = document.createElement("p");
            text.className = "generated";
            text.dir = "auto";
            if (typeof s !== "string" && s.given) {
                const given = document.createElement("u");
                given.className = "given";
                given.textContent = s.given;
                text.append(given);
            }
            text.append(typeof s === "string" ? s : s.text);
            item.append(step, text);
            return item;
        }),
    );
}

function style(): void {
    // uPlot's own layout, as a constructed sheet: the content security policy has no inline styles.
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(
        ".uplot{font-family:inherit;line-height:1.5;width:min-content}.uplot *,.uplot *::before,.uplot *::after{box-sizing:border-box}" +
            ".u-wrap{position:relative;user-select:none}.u-over,.u-under{position:absolute}.u-under{overflow:hidden}" +
            ".uplot canvas{display:block;position:relative;width:100%;height:100%}.u-axis{position:absolute}" +
            ".u-legend{font-size:.8rem;margin:auto;text-align:center;color:var(--soft)}.u-inline{display:block}.u-inline *{display:inline-block}" +
            ".u-inline tr{margin-right:1rem}.u-legend th{font-weight:500}.u-legend th>*{vertical-align:middle;display:inline-block}" +
            ".u-legend .u-marker{width:.8em;height:.8em;margin-right:4px}.u-inline .u-live th::after{content:\":\"}" +
            ".u-cursor-x,.u-cursor-y{position:absolute;left:0;top:0;pointer-events:none;border-right:1px dashed var(--soft);height:100%}" +
            ".u-cursor-y{border:0;border-bottom:1px dashed var(--soft);height:0;width:100%}.u-cursor-pt{position:absolute;top:0;left:0;border-radius:50%;border:0 solid;pointer-events:none;will-change:transform}" +
            ".u-axis.u-off,.u-select.u-off,.u-cursor-x.u-off,.u-cursor-y.u-off,.u-cursor-pt.u-off{display:none}.u-select{position:absolute;pointer-events:none;background:color-mix(in srgb,var(--accent) 15%,transparent)}",
    );
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}

// Does the page lack a part that the news needs, or tell of another state? Then the server writes it anew.
function outgrown(m: Model): boolean {
    const has = (selector: string) => document.querySelector(selector) !== null;
    return (
        document.querySelector<HTMLElement>("#status")?.dataset.state !== m.state ||
        (!!m.training && !has("#charts")) ||
        (!!m.training?.samples?.length && !has("#samples")) ||
        (!!m.progress && !has("#status progress"))
    );
}

async function retake(): Promise<void> {
    const page = await fetchPage("/model");
    const main = document.querySelector("main"), fresh = page.querySelector("main");
    if (!main || !fresh) return;
    const before = main.querySelector("#status b")?.textContent;
    const focused = main.contains(document.activeElement) && main !== document.activeElement;
    main.replaceChildren(...[...fresh.childNodes].map((n) => document.importNode(n, true)));
    if (focused) main.focus();
    const words = main.querySelector("#status b")?.textContent ?? "";
    if (words !== before) say(words);
}

export function startModel(): void {
    style();
    let charts: { loss: Chart; bits: Chart } | null = null;
    let taking = false;
    const redraw = () => (charts?.loss.redraw(), charts?.bits.redraw());
    document.addEventListener("themechange", redraw);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    const show = (m: Model | null, mayRetake: boolean): void => {
        if (!m || taking) return;
        if (mayRetake && outgrown(m)) {
            taking = true;
            void retake()
                .catch(() => undefined) // the next news tries again
                .finally(() => {
                    charts = null;
                    taking = false;
                    show(model.value, false);
                });
            return;
        }
        showStatus(m);
        const root = document.querySelector<HTMLElement>("#charts");
        if (!m.training || !root) return;
        if (!charts) {
            root.replaceChildren();
            charts = { loss: new Chart(root, t("loss")), bits: new Chart(root, t("bits")) };
        }
        charts.loss.show(series(m.training.curve, "loss"));
        charts.bits.show(series(m.training.evals, "val_bits_per_byte"), m.training.xz_bits_per_byte);
        figure("f-loss", m.training.curve?.at(-1)?.loss?.toFixed(3));
        const step = m.training.curve?.at(-1)?.step;
        figure("f-steps", step === undefined ? undefined : count(step));
        figure("f-bpb", m.training.evals?.at(-1)?.val_bits_per_byte.toFixed(3));
        const speed = m.training.curve?.at(-1)?.tokens_per_s;
        figure("f-speed", speed === undefined ? undefined : count(Math.round(speed)));
        showSamples(m);
    };
    effect(() => show(model.value, true));
}
