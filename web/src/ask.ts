// Ask without leaving the page: the server's own answer takes the place of the one before.
import { t } from "./i18n";
import { fetchPage, Refused, say } from "./page";

let asked = 0; // an answer that a later question has overtaken is not shown

async function answer(form: HTMLFormElement, place: HTMLElement): Promise<void> {
    const q = String(new FormData(form).get("q") ?? "").trim();
    if (!q) return;
    const url = `/ask?q=${encodeURIComponent(q)}`;
    const mine = ++asked;
    place.setAttribute("aria-busy", "true");
    const waiting = document.createElement("p");
    waiting.className = "small";
    waiting.textContent = t("asking");
    place.replaceChildren(waiting);
    try {
        const page = await fetchPage(url);
        if (mine !== asked) return;
        const found = page.querySelector("#answer");
        place.replaceChildren(...[...(found?.childNodes ?? [])].map((n) => document.importNode(n, true)));
        history.pushState({}, "", url);
        say(t("answer_ready"));
    } catch (e) {
        if (mine !== asked) return;
        waiting.textContent = (e instanceof Refused && e.message) || t("failed");
        place.replaceChildren(waiting);
        say(waiting.textContent);
    } finally {
        if (mine === asked) place.setAttribute("aria-busy", "false");
    }
}

export function startAsk(): void {
    const place = document.querySelector<HTMLElement>("#answer");
    const form = document.querySelector<HTMLFormElement>('form.ask[action="/ask"]');
    if (!place || !form) return;
    place.setAttribute("aria-live", "off"); // the words below say once that it is there
    form.addEventListener("submit", (event) => {
        event.preventDefault();
        void answer(form, place);
    });
    addEventListener("popstate", () => location.reload());
}
