/* cppcheck.h - macros of libraries, for a checker that reads no headers of the system. */
#define json_array_foreach(array, index, value) \
	for ((index) = 0; (index) < json_array_size(array) && ((value) = json_array_get(array, index)) != NULL; (index)++)
#define json_object_foreach(object, key, value) \
	for ((key) = json_iterate(object, &(value)); (key) != NULL; (key) = json_iterate_on(object, key, &(value)))
#define SYSCONFDIR "/etc"
#define PKGLIBEXECDIR "/usr/libexec/usherd"
#define LOCALSTATEDIR "/var"
#define RUNSTATEDIR "/run"
#define PACKAGE_NAME "usherd"
#define PACKAGE_VERSION "1"
