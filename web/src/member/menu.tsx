// A button that opens a short list of actions: arrows move, Escape closes, focus goes back to the button.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon, type IconName } from "./icons";

export interface Item {
    label: string;
    icon?: IconName;
    danger?: boolean;
    href?: string;
    run?: () => void;
}

export function Menu({ label, items, children, class: kind = "tool" }: { label: string; items: (Item | false | null | undefined)[]; children?: ComponentChildren; class?: string }) {
    const [open, setOpen] = useState(false);
    const box = useRef<HTMLDivElement>(null);
    const button = useRef<HTMLButtonElement>(null);
    const list = items.filter((i): i is Item => !!i);
    useEffect(() => {
        if (!open) return;
        box.current?.querySelector<HTMLElement>('[role="menuitem"]')?.focus();
        const away = (event: Event): void => {
            if (!box.current?.contains(event.target as Node)) setOpen(false);
        };
        document.addEventListener("pointerdown", away);
        return () => document.removeEventListener("pointerdown", away);
    }, [open]);
    const close = (): void => {
        setOpen(false);
        button.current?.focus();
    };
    const keys = (event: KeyboardEvent): void => {
        if (event.key === "Escape" && open) {
            event.stopPropagation();
            close();
        }
        if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
        event.preventDefault();
        const all = [...(box.current?.querySelectorAll<HTMLElement>('[role="menuitem"]') ?? [])];
        const at = all.indexOf(document.activeElement as HTMLElement) + (event.key === "ArrowDown" ? 1 : -1);
        all[(at + all.length) % all.length]?.focus();
    };
    return (
        <div class="menu" ref={box} onKeyDown={keys}>
            <button ref={button} type="button" class={kind} aria-haspopup="menu" aria-expanded={open} aria-label={label} title={label} onClick={() => setOpen(!open)}>
                {children ?? <Icon name="more" />}
            </button>
            {open && (
                <div role="menu" aria-label={label} class="menu-list">
                    {list.map((i) =>
                        i.href ? (
                            <a key={i.label} role="menuitem" href={i.href} onClick={() => setOpen(false)}>
                                {i.icon && <Icon name={i.icon} />}
                                {i.label}
                            </a>
                        ) : (
                            <button
                                key={i.label}
                                type="button"
                                role="menuitem"
                                class={i.danger ? "danger" : ""}
                                onClick={() => {
                                    close();
                                    i.run?.();
                                }}
                            >
                                {i.icon && <Icon name={i.icon} />}
                                {i.label}
                            </button>
                        ),
                    )}
                </div>
            )}
        </div>
    );
}
