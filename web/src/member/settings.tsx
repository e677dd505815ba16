// Settings: a list of pages, each loaded when it is opened. Passwords, sessions and leaving are the server's own pages, which
// work without scripts.
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t, type Key } from "../i18n";
import { Icon, type IconName } from "./icons";
import type { RouteProps } from "./router";
import { PageTitle } from "./shell";

interface Entry {
    href: string;
    label: Key;
    about: Key;
    icon: IconName;
    load?: () => Promise<{ default: ComponentType }>;
}
const entries: Entry[] = [
    { href: "profile", label: "s_profile", about: "s_profile_about", icon: "user", load: () => import("./settings/profile") },
    { href: "consent", label: "s_consent", about: "s_consent_about", icon: "leaf", load: () => import("./settings/consent") },
    { href: "posting", label: "s_posting", about: "s_posting_about", icon: "pen", load: () => import("./settings/posting") },
    { href: "appearance", label: "s_appearance", about: "s_appearance_about", icon: "moon", load: () => import("./settings/appearance") },
    { href: "notifications", label: "s_notifications", about: "s_notifications_about", icon: "bell", load: () => import("./settings/notifications") },
    { href: "filters", label: "s_filters", about: "s_filters_about", icon: "mute", load: () => import("./settings/filters") },
    { href: "people", label: "s_people", about: "s_people_about", icon: "block", load: () => import("./settings/blocked") },
    { href: "moving", label: "s_moving", about: "s_moving_about", icon: "download", load: () => import("./settings/moving") },
    { href: "security", label: "s_security", about: "s_security_about", icon: "lock" },
];

export default function Settings({ params }: RouteProps) {
    const entry = entries.find((e) => e.href === params.page);
    const [page, setPage] = useState<{ at: string; View: ComponentType } | null>(null);
    useEffect(() => {
        if (entry?.load) void entry.load().then((m) => setPage({ at: entry.href, View: m.default }));
    }, [entry?.href]);
    if (!entry)
        return (
            <>
                <PageTitle title={t("settings")} />
                <nav class="card settings-list" aria-label={t("settings")}>
                    {entries.map((e) => (
                        <a key={e.href} href={`/settings/${e.href}`}>
                            <Icon name={e.icon} />
                            <span>
                                <b>{t(e.label)}</b>
                                <span class="small">{t(e.about)}</span>
                            </span>
                        </a>
                    ))}
                </nav>
                <form method="post" action="/auth/sign_out">
                    <input type="hidden" name="csrf" value={document.body.dataset.csrf} />
                    <button class="quiet">{t("sign_out")}</button>
                </form>
            </>
        );
    return (
        <>
            <PageTitle title={t(entry.label)} back />
            {page?.at === entry.href ? <page.View /> : <p class="small">{t("loading")}</p>}
        </>
    );
}
