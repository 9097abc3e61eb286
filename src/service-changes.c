/* service-changes.c - what a plan changes, in words. Services and listeners of the plan and of
 * the set are in the same order, so that walking along both finds what is in one of them only. */
#include "service-changes.h"

#include "base.h"
#include "conf-compare.h"
#include "service-plan.h"

#include <errno.h>
#include <string.h>

/* ---- lists ---- */

/* Returns 0 or -ENOMEM. */
static int add(struct service_change_list *list, const char *text, const struct conf_comparer *comparer)
{
	if (list->count == SERVICE_CHANGES_MOST) {
		list->left_out++;
		return 0;
	}
	/* Room for 1, 2, 4 ... */
	if ((list->count & (list->count - 1)) == 0) {
		size_t room = list->count == 0 ? 1 : 2 * list->count;
		struct service_change *items = reallocarray(list->items, room, sizeof(*items));

		if (items == NULL)
			return -ENOMEM;
		list->items = items;
	}

	struct service_change *item = &list->items[list->count];

	*item = (struct service_change){ .text = strdup(text) };
	if (item->text == NULL)
		return -ENOMEM;
	list->count++;
	if (comparer == NULL)
		return 0;
	item->keys = calloc(comparer->key_count, sizeof(*item->keys));
	if (item->keys == NULL)
		return -ENOMEM;
	item->key_count = comparer->key_count;
	memcpy(item->keys, comparer->keys, comparer->key_count * sizeof(*item->keys));
	return 0;
}

static void free_change(struct service_change *change)
{
	free(change->text);
	free(change->keys);
}

static void free_list(struct service_change_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free_change(&list->items[i]);
	free(list->items);
}

void service_changes_free(struct service_changes *changes)
{
	free_list(&changes->opened);
	free_list(&changes->closed);
	free_list(&changes->added);
	free_list(&changes->removed);
	free_list(&changes->changed);
	free_change(&changes->daemon);
	*changes = (struct service_changes){ .kept = 0 };
}

/* ---- listeners ---- */

/* Unlike in the file, where it is left out, the protocol is always told. */
static int add_listener(struct service_change_list *list, const struct endpoint *endpoint)
{
	char text[ENDPOINT_TEXT_MAX + sizeof("/tcp")];

	endpoint_print(endpoint, text);
	if (endpoint->kind == ENDPOINT_TCP)
		strcat(text, "/tcp");
	return add(list, text, NULL);
}

static int tell_listeners(const struct plan *plan, struct service_changes *changes)
{
	const struct service_set *set = plan->set;
	int r = 0;

	for (size_t i = 0; i < plan->listener_count && r == 0; i++) {
		if (plan->listeners[i].kept)
			changes->kept++;
		else
			r = add_listener(&changes->opened, plan->listeners[i].endpoint);
	}
	for (size_t i = 0; i < set->listener_count && r == 0; i++)
		if (!plan->claimed[i])
			r = add_listener(&changes->closed, set->listeners[i]->endpoint);
	return r;
}

/* ---- services ---- */

/* Whether the end of an override changes what the file does not. */
static bool override_ends(const struct service *service, const struct plan_service *item,
			  const struct conf_comparer *comparer)
{
	if (service->disabled == item->disabled)
		return false;
	for (size_t i = 0; i < comparer->key_count; i++)
		if (strcmp(comparer->keys[i], "disable") == 0)
			return false;
	return true;
}

static int tell_service(const struct service *service, const struct plan_service *item,
			struct conf_comparer *comparer, struct service_changes *changes)
{
	int r = conf_compare_services(comparer, service->settings, item->settings);

	if (r < 0)
		return r;
	/* There is room: `disable` is none of those that are listed. */
	if (override_ends(service, item, comparer))
		comparer->keys[comparer->key_count++] = "disable";
	if (comparer->key_count > 0)
		return add(&changes->changed, item->settings->name, comparer);
	changes->unchanged++;
	return 0;
}

static int tell_services(const struct plan *plan, struct conf_comparer *comparer,
			 struct service_changes *changes)
{
	const struct service_set *set = plan->set;
	size_t old = 0, new = 0;
	int r = 0;

	while (r == 0 && (old < set->service_count || new < plan->service_count)) {
		int order = old == set->service_count  ? 1 :
			    new == plan->service_count ? -1 :
							 strcmp(set->services[old]->settings->name,
								plan->services[new].settings->name);

		if (order == 0)
			r = tell_service(set->services[old++], &plan->services[new ++], comparer, changes);
		else if (order < 0)
			r = add(&changes->removed, set->services[old++]->settings->name, NULL);
		else
			r = add(&changes->added, plan->services[new ++].settings->name, NULL);
	}
	return r;
}

/* ---- the daemon ---- */

static int tell_daemon(const struct plan *plan, struct conf_comparer *comparer,
		       struct service_changes *changes)
{
	struct service_change *change = &changes->daemon;
	int r;

	if (plan->set->conf == NULL)
		return 0;
	r = conf_compare_daemons(comparer, &plan->set->conf->daemon, &plan->conf->daemon);
	if (r < 0 || comparer->key_count == 0)
		return r;
	change->keys = calloc(comparer->key_count, sizeof(*change->keys));
	if (change->keys == NULL)
		return -ENOMEM;
	change->key_count = comparer->key_count;
	memcpy(change->keys, comparer->keys, comparer->key_count * sizeof(*change->keys));
	return 0;
}

int plan_tell_changes(const struct plan *plan, struct service_changes *ret_changes)
{
	struct service_changes changes = { .kept = 0 };
	struct conf_comparer comparer;
	int r = conf_comparer_init(&comparer);

	if (r == 0)
		r = tell_listeners(plan, &changes);
	if (r == 0)
		r = tell_services(plan, &comparer, &changes);
	if (r == 0)
		r = tell_daemon(plan, &comparer, &changes);
	conf_comparer_free(&comparer);
	if (r < 0)
		service_changes_free(&changes);
	else
		*ret_changes = changes;
	return r;
}
