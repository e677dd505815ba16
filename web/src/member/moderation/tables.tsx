// Tables that are kept by hand: rules, blocks, words, announcements; appeals; and, to read, the log and the settings.
import { useEffect, useState } from "preact/hooks";
import { fullTime, t, when, type Key } from "../../i18n";
import { get, page, send } from "../api";
import { tell } from "../state";
import { profilePath } from "../status";
import { act } from "./parts";
import type { Warning } from "./types";

function useList<T>(path: string, params = {}): [T[], () => void] {
    const [list, setList] = useState<T[]>([]);
    const load = (): void => void get<T[]>(path, params).then(setList, tell);
    useEffect(load, [path]);
    return [list, load];
}

// A list with a line to add to it.
function Table<T extends { id: string }>({ title, about, path, list, load, words, form }: { title: Key; about: Key; path: string; list: T[]; load: () => void; words: (x: T) => preact.ComponentChildren; form: { name: string; label: Key; options?: readonly string[]; prefix?: string }[] }) {
    const fresh = (): Record<string, string> => Object.fromEntries(form.map((f) => [f.name, f.options?.[0] ?? ""]));
    const [value, setValue] = useState(fresh);
    return (
        <section class="card settings-form">
            <h2>{t(title)}</h2>
            <p class="small">{t(about)}</p>
            <ul class="people">
                {list.map((x) => (
                    <li key={x.id} class="person">
                        <span class="grow" dir="auto">
                            {words(x)}
                        </span>
                        <button type="button" class="quiet" onClick={() => act(() => send("DELETE", `${path}/${x.id}`), load)}>
                            {t("remove")}
                        </button>
                    </li>
                ))}
            </ul>
            <form
                class="row"
                onSubmit={(e) => {
                    e.preventDefault();
                    act(
                        () => send("POST", path, value),
                        () => {
                            setValue(fresh());
                            load();
                        },
                    );
                }}
            >
                {form.map((f) =>
                    f.options ? (
                        <select key={f.name} aria-label={t(f.label)} value={value[f.name]} onChange={(e) => setValue({ ...value, [f.name]: e.currentTarget.value })}>
                            {f.options.map((o) => (
                                <option key={o} value={o}>
                                    {t(`${f.prefix}${o}` as Key)}
                                </option>
                            ))}
                        </select>
                    ) : (
                        <input key={f.name} class="grow" value={value[f.name]} placeholder={t(f.label)} aria-label={t(f.label)} onInput={(e) => setValue({ ...value, [f.name]: e.currentTarget.value })} />
                    ),
                )}
                <button class="primary">{t("add")}</button>
            </form>
        </section>
    );
}

interface Rule {
    id: string;
    text: string;
    hint?: string;
}
export function Rules() {
    const [list, load] = useList<Rule>("/api/v1/instance/rules");
    return (
        <Table
            title="m_rules"
            about="m_rules_about"
            path="/api/mynah/admin/rules"
            list={list}
            load={load}
            words={(r: Rule) => (
                <>
                    {r.text} {r.hint && <span class="small">{r.hint}</span>}
                </>
            )}
            form={[
                { name: "text", label: "m_rule" },
                { name: "hint", label: "m_hint" },
            ]}
        />
    );
}

interface DomainBlock {
    id: string;
    domain: string;
    severity?: string;
}
interface IpBlock {
    id: string;
    ip: string;
    severity: string;
    comment: string;
}
export function Blocks() {
    const [domains, loadDomains] = useList<DomainBlock>("/api/v1/admin/domain_blocks", { limit: 200 });
    const [mails, loadMails] = useList<DomainBlock>("/api/v1/admin/email_domain_blocks", { limit: 200 });
    const [ips, loadIps] = useList<IpBlock>("/api/v1/admin/ip_blocks", { limit: 200 });
    return (
        <>
            <Table
                title="m_domains"
                about="m_domains_about"
                path="/api/v1/admin/domain_blocks"
                list={domains}
                load={loadDomains}
                words={(d: DomainBlock) => (
                    <>
                        {d.domain} <span class="tag">{t(`m_severity_${d.severity}` as Key)}</span>
                    </>
                )}
                form={[
                    { name: "domain", label: "server" },
                    { name: "severity", label: "m_severity", options: ["silence", "suspend", "noop"], prefix: "m_severity_" },
                ]}
            />
            <Table title="m_mails" about="m_mails_about" path="/api/v1/admin/email_domain_blocks" list={mails} load={loadMails} words={(d: DomainBlock) => d.domain} form={[{ name: "domain", label: "m_mail_domain" }]} />
            <Table
                title="m_ips"
                about="m_ips_about"
                path="/api/v1/admin/ip_blocks"
                list={ips}
                load={loadIps}
                words={(d: IpBlock) => (
                    <>
                        {d.ip} <span class="tag">{t(`m_ip_${d.severity}` as Key)}</span> <span class="small">{d.comment}</span>
                    </>
                )}
                form={[
                    { name: "ip", label: "m_ip" },
                    { name: "severity", label: "m_severity", options: ["sign_up_requires_approval", "sign_up_block", "no_access"], prefix: "m_ip_" },
                    { name: "comment", label: "m_comment" },
                ]}
            />
        </>
    );
}

interface WordFilter {
    id: string;
    pattern: string;
    kind: string;
    action: string;
    comment: string;
}
export function WordFilters() {
    const [list, load] = useList<WordFilter>("/api/mynah/admin/word_filters");
    return (
        <Table
            title="m_words"
            about="m_words_about"
            path="/api/mynah/admin/word_filters"
            list={list}
            load={load}
            words={(f: WordFilter) => (
                <>
                    <code>{f.pattern}</code> <span class="tag">{t(`m_kind_${f.kind}` as Key)}</span> <span class="tag">{t(`m_word_${f.action}` as Key)}</span> <span class="small">{f.comment}</span>
                </>
            )}
            form={[
                { name: "pattern", label: "m_pattern" },
                { name: "kind", label: "m_kind", options: ["phrase", "link", "pattern"], prefix: "m_kind_" },
                { name: "action", label: "m_action", options: ["report", "reject", "sensitive"], prefix: "m_word_" },
                { name: "comment", label: "m_comment" },
            ]}
        />
    );
}

interface Announcement {
    id: string;
    text: string;
    published_at?: string | null;
}
export function Announcements() {
    const [list, load] = useList<Announcement>("/api/mynah/admin/announcements");
    return <Table title="m_announcements" about="m_announcements_about" path="/api/mynah/admin/announcements" list={list} load={load} words={(a: Announcement) => a.text} form={[{ name: "text", label: "m_text" }]} />;
}

export function Appeals() {
    const [list, setList] = useState<Warning[] | null>(null);
    const load = (): void => void get<Warning[]>("/api/mynah/admin/strikes", { appealed: true }).then(setList, tell);
    useEffect(load, []);
    const decide = (id: string, verb: string): void => act(() => send("POST", `/api/mynah/admin/strikes/${id}/${verb}`), load);
    return (
        <>
            {list?.map((s) => (
                <section key={s.id} class="card prose">
                    <p>
                        <a href={profilePath(s.target_account)}>@{s.target_account.acct}</a> · {t(`m_act_${s.action}` as Key)} · {when(s.created_at)}
                    </p>
                    {s.text && (
                        <p class="small" dir="auto">
                            {s.text}
                        </p>
                    )}
                    <blockquote class="quoted" dir="auto">
                        {s.appeal?.text}
                    </blockquote>
                    <p class="row">
                        <button type="button" class="primary" onClick={() => decide(s.id, "approve_appeal")}>
                            {t("m_take_back")}
                        </button>
                        <button type="button" class="quiet" onClick={() => decide(s.id, "reject_appeal")}>
                            {t("m_keep")}
                        </button>
                    </p>
                </section>
            ))}
            {list?.length === 0 && <p class="empty">{t("m_no_appeals")}</p>}
        </>
    );
}

interface Entry {
    id: string;
    account_name: string;
    action: string;
    target_type: string;
    target_id: string;
    detail: string;
    created_at: string;
}
export function Audit() {
    const [list, setList] = useState<Entry[]>([]);
    const [next, setNext] = useState<string | null>("/api/mynah/admin/audit?limit=50");
    const more = (): void =>
        void page<Entry>(next as string).then((p) => {
            setList((l) => [...l, ...p.items]);
            setNext(p.items.length ? p.next : null);
        }, tell);
    useEffect(more, []);
    return (
        <section class="card">
            <p class="small">{t("m_audit_about")}</p>
            <ol class="ledger">
                {list.map((x) => (
                    <li key={x.id}>
                        <span class="small">{fullTime(x.created_at)}</span> <b>@{x.account_name || t("m_nobody")}</b> {x.action} <span class="small">{x.target_type === "account" ? <a href={`/moderation/accounts/${x.target_id}`}>{x.detail || x.target_id}</a> : `${x.target_type} ${x.detail}`}</span>
                    </li>
                ))}
            </ol>
            {next && list.length > 0 && (
                <button type="button" class="quiet" onClick={more}>
                    {t("more")}
                </button>
            )}
        </section>
    );
}

interface Setting {
    name: string;
    value: string;
    default: string;
    help: string;
}
export function Settings() {
    const [list] = useList<Setting>("/api/mynah/admin/settings");
    return (
        <section class="card">
            <p class="small">{t("m_settings_about")}</p>
            <dl class="fields">
                {list.map((s) => (
                    <div key={s.name}>
                        <dt>
                            <code>{s.name}</code>
                        </dt>
                        <dd>
                            <b>{s.value || "–"}</b>
                            <span class="small"> {s.help}</span>
                        </dd>
                    </div>
                ))}
            </dl>
        </section>
    );
}
