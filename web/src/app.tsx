// The web app enhances the server's pages: each part takes over the element it finds, and a page without it works too. For a
// signed-in member it takes over the whole page.
import { effect } from "@preact/signals";
import { render } from "preact";
import { startAsk } from "./ask";
import { startFeed } from "./feed";
import { startWords, t } from "./i18n";
import { listenForKeys } from "./keys";
import { model, startLive } from "./live";
import { applyTheme, theme } from "./theme";
import { Tools } from "./tools";

function strip(): void {
    const link = document.querySelector("#live-model a");
    if (!link) return;
    effect(() => {
        const m = model.value;
        const bits = m?.training?.evals?.at(-1)?.val_bits_per_byte;
        const step = m?.training?.curve?.at(-1)?.step;
        if (bits === undefined || step === undefined) return;
        const value = bits.toFixed(2);
        link.textContent = m?.state === "training" ? t("training_strip", { step, value }) : t("done_strip", { value });
    });
}

function startPage(): void {
    startFeed();
    startAsk();
    if (document.querySelector("#status, #live-model")) {
        startLive();
        strip();
    }
    if (document.querySelector("#status")) void import("./model").then((m) => m.startModel());
}

applyTheme(theme.value);
const member = document.body.dataset.me ? import("./member/main") : null;
void startWords().then(async () => {
    listenForKeys();
    if (member) await (await member).startMember();
    const tools = document.querySelector("#tools");
    if (tools && !document.body.classList.contains("member")) render(<Tools />, tools);
    startPage();
});
