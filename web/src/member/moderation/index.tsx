// The moderators' console: what waits, reports, accounts, appeals, and the community's rules, blocks, words, announcements,
// with a log of everything that moderators did.
import { useEffect, useState } from "preact/hooks";
import { t, type Key } from "../../i18n";
import { get } from "../api";
import { Tabs } from "../pages";
import type { RouteProps } from "../router";
import { PageTitle } from "../shell";
import { account, isModerator } from "../state";
import { AccountList, AccountPage } from "./accounts";
import { ReportList, ReportPage } from "./reports";
import { Announcements, Appeals, Audit, Blocks, Rules, Settings, WordFilters } from "./tables";

interface Waiting {
    accounts: number;
    reports: number;
    appeals: number;
}

const pages: { href: string; label: Key; badge?: keyof Waiting }[] = [
    { href: "reports", label: "m_reports", badge: "reports" },
    { href: "accounts", label: "m_accounts", badge: "accounts" },
    { href: "appeals", label: "m_appeals", badge: "appeals" },
    { href: "rules", label: "m_rules" },
    { href: "blocks", label: "m_blocks" },
    { href: "words", label: "m_words" },
    { href: "announcements", label: "m_announcements" },
    { href: "audit", label: "m_audit" },
    { href: "settings", label: "m_settings" },
];

function Page({ page, id }: { page: string; id: string | undefined }) {
    if (page === "reports") return id ? <ReportPage id={id} /> : <ReportList />;
    if (page === "accounts") return id ? <AccountPage id={id} /> : <AccountList />;
    if (page === "appeals") return <Appeals />;
    if (page === "rules") return <Rules />;
    if (page === "blocks") return <Blocks />;
    if (page === "words") return <WordFilters />;
    if (page === "announcements") return <Announcements />;
    if (page === "audit") return <Audit />;
    return <Settings />;
}

export default function Moderation({ params }: RouteProps) {
    const page = params.page ?? "reports";
    const [waiting, setWaiting] = useState<Waiting | null>(null);
    useEffect(() => {
        if (isModerator()) void get<Waiting>("/api/mynah/admin/waiting").then(setWaiting).catch(() => undefined);
    }, [page, params.id]);
    if (account.value && !isModerator())
        return (
            <>
                <PageTitle title={t("moderation")} back />
                <p class="empty">{t("m_only")}</p>
            </>
        );
    return (
        <>
            <PageTitle title={t("moderation")} back={!!params.id} />
            <Tabs
                label={t("moderation")}
                tabs={pages.map((p) => {
                    const n = p.badge ? (waiting?.[p.badge] ?? 0) : 0;
                    return { href: `/moderation/${p.href}`, label: t(p.label) + (n ? ` (${n})` : ""), now: p.href === page };
                })}
            />
            <Page page={page} id={params.id} />
        </>
    );
}
