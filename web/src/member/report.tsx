// Telling the moderators about somebody.
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n";
import { get, page, send } from "./api";
import type { RouteProps } from "./router";
import { PageTitle } from "./shell";
import { instance, keep, relate, show, tell } from "./state";
import { Post } from "./status";
import type { Account, Status } from "./types";

const posts = signal<string[]>([]);

export default function Report({ params, query }: RouteProps) {
    const id = params.id ?? "";
    const [who, setWho] = useState<Account | null>(null);
    const [chosen, setChosen] = useState<string[]>(query.get("post") ? [query.get("post") as string] : []);
    const [category, setCategory] = useState("other");
    const [rules, setRules] = useState<string[]>([]);
    const [comment, setComment] = useState("");
    const [done, setDone] = useState(false);
    useEffect(() => {
        void get<Account>(`/api/v1/accounts/${id}`).then(setWho, tell);
        void page<Status>(`/api/v1/accounts/${id}/statuses`, { limit: 10, exclude_reblogs: true }).then((p) => {
            p.items.forEach(keep);
            posts.value = p.items.map((s) => s.id);
        }, tell);
    }, [id]);
    const submit = async (): Promise<void> => {
        try {
            await send("POST", "/api/v1/reports", { account_id: id, status_ids: chosen, comment, category, rule_ids: category === "violation" ? rules : [] });
            setDone(true);
            show(t("report_sent"));
        } catch (error) {
            tell(error);
        }
    };
    const name = who ? `@${who.acct}` : "";
    if (done)
        return (
            <>
                <PageTitle title={t("report_sent")} back />
                <section class="card prose">
                    <p>{t("report_thanks")}</p>
                    <p class="row">
                        <button type="button" class="quiet" onClick={() => void relate(id, "mute")}>
                            {t("mute", { name })}
                        </button>
                        <button type="button" class="quiet" onClick={() => void relate(id, "block")}>
                            {t("block", { name })}
                        </button>
                    </p>
                </section>
            </>
        );
    const list = instance.value?.rules ?? [];
    return (
        <>
            <PageTitle title={t("report", { name })} back />
            <form
                class="card settings-form"
                onSubmit={(e) => {
                    e.preventDefault();
                    void submit();
                }}
            >
                <fieldset>
                    <legend>{t("report_why")}</legend>
                    {(["spam", "legal", ...(list.length ? ["violation"] : []), "other"] as const).map((c) => (
                        <label key={c} class="check">
                            <input type="radio" name="category" checked={category === c} onChange={() => setCategory(c)} /> {t(`report_${c}` as "report_spam")}
                        </label>
                    ))}
                </fieldset>
                {category === "violation" && (
                    <fieldset>
                        <legend>{t("report_rules")}</legend>
                        {list.map((r) => (
                            <label key={r.id} class="check">
                                <input type="checkbox" checked={rules.includes(r.id)} onChange={(e) => setRules(e.currentTarget.checked ? [...rules, r.id] : rules.filter((x) => x !== r.id))} /> {r.text}
                            </label>
                        ))}
                    </fieldset>
                )}
                <label>
                    {t("report_comment")}
                    <textarea rows={3} maxLength={1000} value={comment} onInput={(e) => setComment(e.currentTarget.value)} />
                </label>
                <fieldset>
                    <legend>{t("report_posts")}</legend>
                    {[...new Set([...chosen, ...posts.value])].map((one) => (
                        <label key={one} class="report-post">
                            <input type="checkbox" checked={chosen.includes(one)} onChange={(e) => setChosen(e.currentTarget.checked ? [...chosen, one] : chosen.filter((x) => x !== one))} />
                            <Post id={one} />
                        </label>
                    ))}
                </fieldset>
                <p class="small">{t("report_who_sees")}</p>
                <button class="primary">{t("report_send")}</button>
            </form>
        </>
    );
}
