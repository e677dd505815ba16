// Parts of the console that several pages use.
import { useEffect, useState } from "preact/hooks";
import { fullTime, t, type Key } from "../../i18n";
import { get, send } from "../api";
import { show, tell } from "../state";
import type { Note } from "./types";

// Runs an act and says how it went.
export function act(run: () => Promise<unknown>, after: () => void): void {
    run().then(() => {
        show(t("saved"));
        after();
    }, tell);
}

export function Notes({ base }: { base: string }) {
    const [notes, setNotes] = useState<Note[]>([]);
    const [text, setText] = useState("");
    const load = (): void => void get<Note[]>(`${base}/notes`).then(setNotes, tell);
    useEffect(load, [base]);
    return (
        <section class="card settings-form">
            <h2>{t("m_notes")}</h2>
            <ul class="people">
                {notes.map((n) => (
                    <li key={n.id}>
                        <p dir="auto">{n.content}</p>
                        <p class="small">{fullTime(n.created_at)}</p>
                    </li>
                ))}
            </ul>
            <form
                class="row"
                onSubmit={(e) => {
                    e.preventDefault();
                    act(
                        () => send("POST", `${base}/notes`, { content: text }),
                        () => {
                            setText("");
                            load();
                        },
                    );
                }}
            >
                <input class="grow" value={text} maxLength={2000} placeholder={t("m_note_hint")} aria-label={t("m_note_hint")} onInput={(e) => setText(e.currentTarget.value)} />
                <button class="quiet" disabled={!text.trim()}>
                    {t("add")}
                </button>
            </form>
        </section>
    );
}

const acts = ["none", "sensitive", "disable", "silence", "suspend"] as const;

// What to do with an account, with the words that it gets.
export function ActionForm({ target, report, done }: { target: string; report?: string; done: () => void }) {
    const [type, setType] = useState<(typeof acts)[number]>("none");
    const [text, setText] = useState("");
    return (
        <form
            class="card settings-form"
            onSubmit={(e) => {
                e.preventDefault();
                act(
                    () => send("POST", `/api/v1/admin/accounts/${target}/action`, { type, text, report_id: report, send_email_notification: true }),
                    () => {
                        setText("");
                        done();
                    },
                );
            }}
        >
            <h2>{t("m_act")}</h2>
            {acts.map((a) => (
                <label key={a} class="check two-line-check">
                    <input type="radio" name="act" checked={type === a} onChange={() => setType(a)} />
                    <span>
                        {t(`m_act_${a}` as Key)}
                        <span class="small">{t(`m_act_${a}_about` as Key)}</span>
                    </span>
                </label>
            ))}
            <label>
                {t("m_act_text")}
                <textarea rows={3} value={text} maxLength={5000} onInput={(e) => setText(e.currentTarget.value)} />
            </label>
            <button class={type === "suspend" ? "quiet danger" : "primary"}>{t("m_do")}</button>
        </form>
    );
}
