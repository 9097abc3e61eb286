/* service-changes.c - see service-changes.h. */
#include "service-changes.h"

#include <stdlib.h>

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
