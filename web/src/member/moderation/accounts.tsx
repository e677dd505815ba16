// Accounts as moderators see them: found by name, state or what waits; one with everything that can be done.
import { useEffect, useState } from "preact/hooks";
import { fullTime, t, when, type Key } from "../../i18n";
import { get, page, send } from "../api";
import { Name } from "../content";
import { go, place } from "../router";
import { account as me, tell } from "../state";
import { Avatar, profilePath } from "../status";
import { act, ActionForm, Notes } from "./parts";
import type { AdminAccount, Warning } from "./types";

const states = ["active", "pending", "silenced", "suspended", "disabled"] as const;

export function AccountList() {
    const q = place.value?.query;
    const status = q?.get("status") ?? "active";
    const [name, setName] = useState(q?.get("name") ?? "");
    const [list, setList] = useState<AdminAccount[] | null>(null);
    const [next, setNext] = useState<string | null>(null);
    const load = (path = "/api/v2/admin/accounts", fresh = true): void =>
        void page<AdminAccount>(path, fresh ? { status, username: q?.get("name") ?? undefined, limit: 40 } : {}).then((p) => {
            setList(fresh ? p.items : [...(list ?? []), ...p.items]);
            setNext(p.next);
        }, tell);
    useEffect(() => load(), [status, q?.get("name")]);
    const answer = (id: string, verb: string): void => act(() => send("POST", `/api/v1/admin/accounts/${id}/${verb}`), () => load());
    return (
        <>
            <form
                class="card row"
                role="search"
                onSubmit={(e) => {
                    e.preventDefault();
                    go(`/moderation/accounts?status=${status}${name ? `&name=${encodeURIComponent(name)}` : ""}`);
                }}
            >
                <select aria-label={t("m_state")} value={status} onChange={(e) => go(`/moderation/accounts?status=${e.currentTarget.value}`)}>
                    {states.map((s) => (
                        <option key={s} value={s}>
                            {t(`m_state_${s}` as Key)}
                        </option>
                    ))}
                </select>
                <input class="grow" type="search" value={name} placeholder={t("name")} aria-label={t("name")} onInput={(e) => setName(e.currentTarget.value)} />
                <button class="quiet">{t("search")}</button>
            </form>
            <ul class="card people">
                {list?.map((a) => (
                    <li key={a.id} class="person">
                        <a class="who" href={`/moderation/accounts/${a.id}`}>
                            <Avatar account={a.account} />
                            <span class="names">
                                <b>
                                    <Name account={a.account} />
                                </b>
                                <span class="handle">
                                    @{a.account.acct} · {when(a.created_at)}
                                </span>
                                {a.invite_request && (
                                    <span class="note-line small" dir="auto">
                                        {a.invite_request}
                                    </span>
                                )}
                            </span>
                        </a>
                        {!a.approved && (
                            <span class="row">
                                <button type="button" class="primary" onClick={() => answer(a.id, "approve")}>
                                    {t("accept")}
                                </button>
                                <button type="button" class="quiet" onClick={() => answer(a.id, "reject")}>
                                    {t("reject")}
                                </button>
                            </span>
                        )}
                    </li>
                ))}
                {list?.length === 0 && <li class="empty">{t("nobody_here")}</li>}
            </ul>
            {next && (
                <button type="button" class="quiet" onClick={() => load(next, false)}>
                    {t("more")}
                </button>
            )}
        </>
    );
}

const undo = [
    { flag: "disabled", verb: "enable" },
    { flag: "sensitized", verb: "unsensitive" },
    { flag: "silenced", verb: "unsilence" },
    { flag: "suspended", verb: "unsuspend" },
] as const;

function Facts({ a }: { a: AdminAccount }) {
    const line = (label: Key, value: string | null | undefined) =>
        value ? (
            <div>
                <dt>{t(label)}</dt>
                <dd dir="auto">{value}</dd>
            </div>
        ) : null;
    return (
        <dl class="fields">
            {line("m_joined", fullTime(a.created_at))}
            {line("m_email", a.email && `${a.email}${a.confirmed ? "" : ` (${t("m_unconfirmed")})`}`)}
            {line("m_address", a.ip)}
            {line("m_role", a.role?.name)}
            {line("m_plan", a.plan)}
            {line("m_reason", a.invite_request)}
        </dl>
    );
}

export function AccountPage({ id }: { id: string }) {
    const [a, setAccount] = useState<AdminAccount | null>(null);
    const [strikes, setStrikes] = useState<Warning[]>([]);
    const load = (): void => {
        void get<AdminAccount>(`/api/v1/admin/accounts/${id}`).then(setAccount, tell);
        void get<Warning[]>("/api/mynah/admin/strikes", { account_id: id }).then(setStrikes, tell);
    };
    useEffect(load, [id]);
    if (!a) return <p class="small">{t("loading")}</p>;
    const operator = me.value?.role?.name === "Operator" || me.value?.roles?.some((r) => /operator|owner|admin/i.test(r.name));
    return (
        <>
            <section class="card">
                <p class="row">
                    <a class="who" href={profilePath(a.account)}>
                        <Avatar account={a.account} />
                        <span class="names">
                            <b>
                                <Name account={a.account} />
                            </b>
                            <span class="handle">@{a.account.acct}</span>
                        </span>
                    </a>
                    {undo.map((u) =>
                        a[u.flag] ? (
                            <button key={u.verb} type="button" class="quiet" onClick={() => act(() => send("POST", `/api/v1/admin/accounts/${id}/${u.verb}`), load)}>
                                {t(`m_${u.verb}` as Key)}
                            </button>
                        ) : null,
                    )}
                </p>
                <Facts a={a} />
                {operator && (
                    <label class="row">
                        {t("m_role")}
                        <select value={a.role?.name?.toLowerCase() ?? "member"} onChange={(e) => act(() => send("POST", `/api/mynah/admin/accounts/${id}/role`, { role: e.currentTarget.value }), load)}>
                            {["member", "moderator", "operator"].map((r) => (
                                <option key={r} value={r}>
                                    {t(`m_role_${r}` as Key)}
                                </option>
                            ))}
                        </select>
                    </label>
                )}
            </section>
            {strikes.length > 0 && (
                <section class="card prose">
                    <h2>{t("m_strikes")}</h2>
                    <ul class="bulleted">
                        {strikes.map((s) => (
                            <li key={s.id}>
                                {t(`m_act_${s.action}` as Key)} · {when(s.created_at)} {s.text && <span class="small">{s.text}</span>} {s.appeal && <span class="tag">{s.appeal.state}</span>}
                            </li>
                        ))}
                    </ul>
                </section>
            )}
            <ActionForm target={id} done={load} />
            <Notes base={`/api/mynah/admin/accounts/${id}`} />
        </>
    );
}
