/* tests/unit/core/pem_vectors.h -- throw-away keys made by stock OpenSSL, of the accepted kind and of every other. */
#ifndef CAIRN_TESTS_PEM_VECTORS_H
#define CAIRN_TESTS_PEM_VECTORS_H

static const char PEM_PKCS8[] = "-----BEGIN PRIVATE KEY-----\n"
                                "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgqTfKosnGL0O+vkPd\n"
                                "6r4X/notwGNjZchKK/AJyJmjOuGhRANCAATGmxVaTuAJWudGM9FjNpOaxfYk9KOE\n"
                                "x2HkqfFJ1iks6Z5B53gyGgUMX6dBQH3wfzA5XjWS6wYzhwNOEaYlO9+N\n"
                                "-----END PRIVATE KEY-----\n";
static const char PEM_SEC1[] = "-----BEGIN EC PRIVATE KEY-----\n"
                               "MHcCAQEEIKk3yqLJxi9Dvr5D3eq+F/56LcBjY2XISivwCciZozrhoAoGCCqGSM49\n"
                               "AwEHoUQDQgAExpsVWk7gCVrnRjPRYzaTmsX2JPSjhMdh5KnxSdYpLOmeQed4MhoF\n"
                               "DF+nQUB98H8wOV41kusGM4cDThGmJTvfjQ==\n"
                               "-----END EC PRIVATE KEY-----\n";
static const char PEM_P384[] = "-----BEGIN PRIVATE KEY-----\n"
                               "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDB4Y+D0Fra+UQU50hpt\n"
                               "2bqye+XnuDuFgZN1bcUnXX9EBsBC9N5+9Yd+/tdAX95fTBmhZANiAAQ/RUagNUx3\n"
                               "nC6CDautUH5n9j7MvebNHFLJZ3tngSCAnY1jm1Zpjz2brFBI5f8jSqz3wo3ALkgT\n"
                               "F9pNkgfk7kB4KED3fXarf7IC4YvAthyz1w/JgydAxYXY28pw/EzFGMM=\n"
                               "-----END PRIVATE KEY-----\n";
static const char PEM_RSA[] = "-----BEGIN PRIVATE KEY-----\n"
                              "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDIbpyIgKj/lKs9\n"
                              "oV2CmOvUUVHKLUjUInFkKcRY1FkabN6fUxkjUPLpnTCuiFx9s6F1jpm1RwqpETNi\n"
                              "NUvdxQFcN3ttsjX97W/OqM0A7PaTqsxYRi0ecEGqfbje+ovwipIc2J0jtgbzvLAO\n"
                              "Ev9qEz6WEfpUxEo3L5Qj38Ju9Rf+YRvDWllzXnTIzF0V+Z0Z/m1zgkCQRFpN93U4\n"
                              "huKLu0sIrytRwAAY6F+R7M/+gAHI/nBw2AwqnQStEBvug7hdWSGRgYNw+q5y4crT\n"
                              "D4B7sDQQm9nsYM2IZG4w0FraFPozpI766UtsAvex9VfvVARnkLLIWWf+NXjo14aB\n"
                              "RuGQvL+ZAgMBAAECggEAAJIUttcbmWYDCnZLZca0LdhRFzYuSyZRntNMnbkgYNDM\n"
                              "XcqW23t3RD7Vkjr3/Rv2ECIzYf6oCIewlwK9ACO3sjDD6fHJhrshPUbMlfMBbQsI\n"
                              "hmbQFD0FvtZuoI844fAvDs8iEWWLBbDKP9wCJ1CTNh+qerPNXJ9cI1xXeXPlWSzM\n"
                              "enxZSfeBQtuwAM/KOTFsLw9t70cWAKjKxT932CTsFoHfI7lz5kbyMDY3mSvsBunb\n"
                              "gxMNA9VNDFkxtvdMih+6V5go0VdFwEM/vsqoc1J14GXDlMy/RHLBSPi/wYi9/ggH\n"
                              "ZJZTwGokzGPKBzYHeWEHtxJdm/u4Z7ApRjt+pGyPoQKBgQDkJWG4Fm65twypeVpj\n"
                              "tcTqqDl/EiZkBc/RryzotgWCr0Rljt/+nXVN9Fxhn5reRLbZkx5xJ0Elv3bCyHda\n"
                              "zO+kA3ojQy4Rh3mBd43BQOsh5CBNP/Di0XhhRCOs5iJQZ97KoQnfOzDnPkde+ukV\n"
                              "P4gYPTIOZ3hnNBJ4JJ6XooqxiQKBgQDg5wpu2btlDBo3yUS8VJa//N2Dz0SQ/GcT\n"
                              "3+uDr2J0oxr+HJ36Tn+UMz8OIy703UcerWOAatuE2r5ry1xHfRCyggVwL4FA1Io7\n"
                              "z1krE49nNN1zbpZ4c+PXVSGtOKq1ilfDvAPGL10IvssDIWM/i/VEFFx/LyeOOukC\n"
                              "Y2CK/DVpkQKBgQC7O1Ju2ToVf3wMuWLM4aexTE2jUynefEaJNtIMSRVMornm/tIl\n"
                              "CuPyDdCi7XETaCEHfg1Fn4l/iRnV0N7izbz9RT0/Iyrzh9LXxV24c6aEMcuwmgD+\n"
                              "pBm++USt6E/Q3O2iLXcElHcVz66S7CfNIE54VgB2gcP2Lm3Z23OrzeE0wQKBgCLK\n"
                              "WsjPEbgN6ThcADAJ/c/xM+sh8v9irCdc6jfSt65HVPOeRank3sN0Mfrj4m2qlUff\n"
                              "lpbU8ORaWj6elMXSSPT0PBcgoiP/POsHpkmNmw9iFCe5Ibm8Y7B50N3U+ENhBTaY\n"
                              "LRVJWmDx8sGnNo0r/2Lqq2xZRQsxfb4K1XJqlXChAoGAbBMHAGemRlZyYSSM1srS\n"
                              "850/wAifXjUMYqR8NwOeYrdLryIujJ6zfRBFOTIstjkb0WB96xjfNt4M6YofY937\n"
                              "Pv1OTwsDnmSe8TYPWDcNygReWW6RyjF5dYfzHL1OXSnGQdHHZ4xBB+AXgW0rh//f\n"
                              "mD1i65vD0zmLLzUEDRR08zA=\n"
                              "-----END PRIVATE KEY-----\n";
static const char PEM_ED25519[] = "-----BEGIN PRIVATE KEY-----\n"
                                  "MC4CAQAwBQYDK2VwBCIEIEsWDGn3gLtJgpXJmCKyA9LHwCV6xfYmjVw/+5i5VlbQ\n"
                                  "-----END PRIVATE KEY-----\n";
static const char PEM_ENCRYPTED[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
                                    "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAisGkwgmu99XQICCAAw\n"
                                    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEGmbA2Xey9ifqAeOOQe7qSYEgZCu\n"
                                    "CPLRnYkMYEfxTKEdzeoX5xOW2HAQ0RK6Q2xfQe2pmrQ7jHbzjYyZ+quLgEMyyx1v\n"
                                    "9fLobVVbTOcm2fQjkss/SNhUbhuhc+nxDBU+OWBLM1oWG6oaqOzhI//SL68t+P36\n"
                                    "2BQEDnnGwLA7YI2JF8+/WizlEmd/jpfMy58Zxzu1vEmIxwolDlp/92gdbdSxHAM=\n"
                                    "-----END ENCRYPTED PRIVATE KEY-----\n";
static const char PEM_PUBLIC[] = "-----BEGIN PUBLIC KEY-----\n"
                                 "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAExpsVWk7gCVrnRjPRYzaTmsX2JPSj\n"
                                 "hMdh5KnxSdYpLOmeQed4MhoFDF+nQUB98H8wOV41kusGM4cDThGmJTvfjQ==\n"
                                 "-----END PUBLIC KEY-----\n";
static const char PKCS8_X[] = "c69b155a4ee0095ae74633d16336939ac5f624f4a384c761e4a9f149d6292ce9";

#endif
