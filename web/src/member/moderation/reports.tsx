// Reports: a list of those that are open or done, and one with all that is known.
import { useEffect, useState } from "preact/hooks";
import { t, tn, when, type Key } from "../../i18n";
import { get, page, send } from "../api";
import { Name } from "../content";
import { place } from "../router";
import { keep, tell } from "../state";
import { Avatar, Post, profilePath } from "../status";
import { act, ActionForm, Notes } from "./parts";
import type { Report } from "./types";

export function ReportList() {
    const done = place.value?.query.get("resolved") === "true";
    const [list, setList] = useState<Report[] | null>(null);
    const [next, setNext] = useState<string | null>(null);
    useEffect(() => {
        setList(null);
        page<Report>("/api/v1/admin/reports", { resolved: done || undefined, limit: 30 }).then((p) => {
            setList(p.items);
            setNext(p.next);
        }, tell);
    }, [done]);
    const more = (): void =>
        void page<Report>(next as string).then((p) => {
            setList([...(list ?? []), ...p.items]);
            setNext(p.next);
        }, tell);
    return (
        <>
            <p class="small">
                <a href={done ? "/moderation/reports" : "/moderation/reports?resolved=true"}>{t(done ? "m_open_reports" : "m_done_reports")}</a>
            </p>
            <ul class="card people">
                {list?.map((r) => (
                    <li key={r.id} class="person">
                        <a class="who" href={`/moderation/reports/${r.id}`}>
                            <Avatar account={r.target_account.account} />
                            <span class="names">
                                <b>
                                    <Name account={r.target_account.account} />
                                </b>
                                <span class="handle">
                                    @{r.target_account.account.acct} · {t(`report_${r.category}` as Key)} · {when(r.created_at)}
                                </span>
                                <span class="note-line small one-line" dir="auto">
                                    {r.comment || tn("posts_n", r.statuses.length)}
                                </span>
                            </span>
                            {r.assigned_account && <span class="tag">@{r.assigned_account.username}</span>}
                        </a>
                    </li>
                ))}
                {list?.length === 0 && <li class="empty">{t("m_no_reports")}</li>}
            </ul>
            {next && (
                <button type="button" class="quiet" onClick={more}>
                    {t("more")}
                </button>
            )}
        </>
    );
}

export function ReportPage({ id }: { id: string }) {
    const [r, setReport] = useState<Report | null>(null);
    const load = (): void =>
        void get<Report>(`/api/v1/admin/reports/${id}`).then((x) => {
            x.statuses.forEach(keep);
            setReport(x);
        }, tell);
    useEffect(load, [id]);
    if (!r) return <p class="small">{t("loading")}</p>;
    const post = (verb: string) => (): void => act(() => send("POST", `/api/v1/admin/reports/${id}/${verb}`), load);
    const target = r.target_account.account;
    return (
        <>
            <section class="card prose">
                <p class="small">
                    {t("m_reported_by")} <a href={profilePath(r.account.account)}>@{r.account.account.acct}</a> · {when(r.created_at)} · {t(`report_${r.category}` as Key)}
                </p>
                <p dir="auto">{r.comment || t("m_no_comment")}</p>
                {r.rules.length > 0 && (
                    <ul class="bulleted">
                        {r.rules.map((x) => (
                            <li key={x.id}>{x.text}</li>
                        ))}
                    </ul>
                )}
                <p>
                    <a class="who" href={`/moderation/accounts/${target.id}`}>
                        <Avatar account={target} /> <b>@{target.acct}</b>
                    </a>
                </p>
                <p class="row">
                    {r.assigned_account ? (
                        <button type="button" class="quiet" onClick={post("unassign")}>
                            {t("m_unassign", { name: r.assigned_account.username })}
                        </button>
                    ) : (
                        <button type="button" class="quiet" onClick={post("assign_to_self")}>
                            {t("m_assign")}
                        </button>
                    )}
                    <button type="button" class="primary" onClick={post(r.action_taken ? "reopen" : "resolve")}>
                        {t(r.action_taken ? "m_reopen" : "m_resolve")}
                    </button>
                </p>
            </section>
            {r.statuses.length > 0 && (
                <div class="feed" role="feed" aria-label={t("posts")}>
                    {r.statuses.map((s, i) => (
                        <Post key={s.id} id={s.id} place={i + 1} />
                    ))}
                </div>
            )}
            <ActionForm target={target.id} report={id} done={load} />
            <Notes base={`/api/mynah/admin/reports/${id}`} />
        </>
    );
}
