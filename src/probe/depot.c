// SPDX-License-Identifier: LGPL-2.1-or-later
#include "probe/depot.h"

#include "base/auto.h"
#include "probe/collect.h"

/// The image's name in its pool: the last part of its path.
#define VOLUME "image"

/// A folder that others may pass through and not list, as the one on this machine.
static virStoragePoolPtr make_pool(const virt_conn *conn, const struct scene *scene)
{
    g_autofree char *xml =
        g_markup_printf_escaped("<pool type='dir'><name>%s</name><target><path>%s</path>"
                                "<permissions><mode>0711</mode></permissions></target></pool>",
                                scene->name, scene->folder);
    virStoragePoolPtr pool = virStoragePoolDefineXML(conn->handle, xml, 0);
    if (pool != NULL && (virStoragePoolBuild(pool, 0) != 0 || virStoragePoolCreate(pool, 0) != 0)) {
        g_clear_pointer(&pool, virStoragePoolFree);
    }
    return pool;
}

static bool send_image(const virt_conn *conn, virStorageVolPtr volume, const unsigned char *image,
                       size_t size)
{
    virStreamPtr stream = virStreamNew(conn->handle, 0);
    bool is_good = stream != NULL && virStorageVolUpload(volume, stream, 0, size, 0) == 0;
    for (size_t sent = 0; is_good && sent < size;) {
        int n = virStreamSend(stream, (const char *)image + sent, size - sent);
        is_good = n > 0;
        sent += is_good ? (size_t)n : 0;
    }
    is_good = is_good && virStreamFinish(stream) == 0;
    g_clear_pointer(&stream, virStreamFree);
    return is_good;
}

static bool fill_pool(const virt_conn *conn, virStoragePoolPtr pool, const cpulift_plan *plan)
{
    virStorageVolPtr volume = virStorageVolLookupByName(pool, VOLUME);
    bool is_there = volume != NULL;
    size_t size = 0;
    const unsigned char *image = collect_get_image(plan, &size);
    if (!is_there) {
        g_autofree char *xml = g_strdup_printf(
            "<volume><name>" VOLUME "</name><capacity>%zu</capacity><target><format type='raw'/>"
            "<permissions><mode>0644</mode></permissions></target></volume>",
            size);
        volume = virStorageVolCreateXML(pool, xml, 0);
        is_there = volume != NULL && send_image(conn, volume, image, size);
    }
    g_clear_pointer(&volume, virStorageVolFree);
    return is_there;
}

int depot_put(const virt_conn *conn, const struct scene *scene, const cpulift_plan *plan,
              cpulift_error **err)
{
    virStoragePoolPtr pool = make_pool(conn, scene);
    bool is_there = pool != NULL && fill_pool(conn, pool, plan);
    int rc = is_there ? 0 : conn_fail(err, "cannot put the probe guest's image on", conn->uri);
    g_clear_pointer(&pool, virStoragePoolFree);
    return rc;
}

void depot_remove(const virt_conn *conn, const struct scene *scene)
{
    virStoragePoolPtr pool = virStoragePoolLookupByName(conn->handle, scene->name);
    if (pool == NULL) {
        return;
    }
    virStorageVolPtr volume = virStorageVolLookupByName(pool, VOLUME);
    if (volume != NULL) {
        virStorageVolDelete(volume, 0);
        virStorageVolFree(volume);
    }
    virStoragePoolDestroy(pool);
    virStoragePoolDelete(pool, 0);
    virStoragePoolUndefine(pool);
    virStoragePoolFree(pool);
}
