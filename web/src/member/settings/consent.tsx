// What may be done with what one writes, what has been done with it so far, and who changed what when. One post's own setting
// is here too (?post=ID).
import { useEffect, useState } from "preact/hooks";
import { count, fullTime, t, tn, type Key } from "../../i18n";
import { get, send } from "../api";
import { keep, post, show, tell } from "../state";
import { Post } from "../status";
import type { Status } from "../types";

type Value = "allow" | "deny" | "unset";
interface Consent {
    purposes: { name: string; server: Value; account: Value; post?: Value; now: boolean }[];
}
interface Uses {
    models: { name: string; posts: number; at: string }[];
    answers: { posts: number; times: number; last_at: string | null };
    licensees: { name: string; posts: number; at: string }[];
}
interface Line {
    at: string;
    scope: string;
    purpose: string;
    value: Value;
    reason: string;
    hash: string;
}

function Choice({ p, of, save }: { p: Consent["purposes"][number]; of: "account" | "post"; save: (name: string, value: Value) => void }) {
    const value = (of === "post" ? p.post : p.account) ?? "unset";
    const known = `purpose_${p.name}` as Key;
    return (
        <fieldset class="purpose">
            <legend>{t(known)}</legend>
            <p class="small">{t(`purpose_${p.name}_about` as Key)}</p>
            <div class="choices" role="radiogroup">
                {(["allow", "deny", "unset"] as const).map((v) => (
                    <label key={v} class={value === v ? "chosen" : ""}>
                        <input type="radio" name={p.name} checked={value === v} onChange={() => save(p.name, v)} />
                        {t(v === "unset" ? (of === "post" ? "as_my_settings" : "as_server") : v)}
                    </label>
                ))}
            </div>
            <p class={`small now ${p.now ? "yes" : "no"}`}>{t(p.now ? "now_allowed" : "now_not_allowed")}</p>
        </fieldset>
    );
}

export default function ConsentPage() {
    const id = new URLSearchParams(location.search).get("post");
    const base = id ? `/api/mynah/consent/posts/${id}` : "/api/mynah/consent";
    const [consent, setConsent] = useState<Consent | null>(null);
    const [uses, setUses] = useState<Uses | null>(null);
    const [lines, setLines] = useState<Line[] | null>(null);
    useEffect(() => {
        void get<Consent>(base).then(setConsent, tell);
        if (id) {
            if (!post(id)) void get<Status>(`/api/v1/statuses/${id}`).then((s) => keep(s), tell);
        } else void get<Uses>("/api/mynah/consent/uses").then(setUses, tell);
    }, [base]);
    const save = async (name: string, value: Value): Promise<void> => {
        try {
            setConsent(await send<Consent>("PUT", base, { [name]: value }));
            show(t("saved"));
        } catch (error) {
            tell(error);
        }
    };
    return (
        <>
            <p class="lead">{t(id ? "consent_post_lead" : "consent_lead")}</p>
            {id && <Post id={id} />}
            {consent && (
                <div class="card settings-form">
                    {consent.purposes.map((p) => (
                        <Choice key={p.name} p={p} of={id ? "post" : "account"} save={(n, v) => void save(n, v)} />
                    ))}
                </div>
            )}
            {uses && (
                <section class="card prose">
                    <h2>{t("uses")}</h2>
                    <p>{uses.answers.times ? t("uses_answers", { posts: count(uses.answers.posts), times: count(uses.answers.times) }) : t("uses_no_answers")}</p>
                    {uses.models.length ? (
                        <ul class="bulleted">
                            {uses.models.map((m) => (
                                <li key={m.name}>
                                    <a href="/model">{m.name}</a>: {tn("posts_n", m.posts)}, {fullTime(m.at)}
                                </li>
                            ))}
                        </ul>
                    ) : (
                        <p>{t("uses_no_models")}</p>
                    )}
                    {uses.licensees.length ? (
                        <ul class="bulleted">
                            {uses.licensees.map((m) => (
                                <li key={m.name}>
                                    {m.name}: {tn("posts_n", m.posts)}
                                </li>
                            ))}
                        </ul>
                    ) : (
                        <p>{t("uses_no_licensees")}</p>
                    )}
                </section>
            )}
            {!id && (
                <details class="card" onToggle={(e) => e.currentTarget.open && !lines && void get<Line[]>("/api/mynah/consent/history").then(setLines, tell)}>
                    <summary>{t("consent_history")}</summary>
                    <p class="small">{t("consent_history_about")}</p>
                    <ol class="ledger">
                        {lines?.map((l, i) => (
                            <li key={i} class="small">
                                <time>{fullTime(l.at)}</time> · {t(`purpose_${l.purpose}` as Key)}: <b>{t(l.value === "unset" ? "as_server" : l.value)}</b> {l.reason && `(${l.reason})`} <code>{l.hash.slice(0, 12)}</code>
                            </li>
                        ))}
                    </ol>
                </details>
            )}
        </>
    );
}
